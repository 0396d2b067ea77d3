import type { Upcasters } from "../store/upcast.ts";

/**
 * How old events become current ones, a list a type. To change the schema of an event: change it in
 * the catalog, add here what turns the old data into the new, keep the golden file of the old
 * version and add one of the new.
 */
export const upcasters: Upcasters = {
  AlertRaised: [(data) => ({ ...data, channels: null })],
};
