import { refuseHeld } from "@/adapters/claim_data_dir.ts";
import type { HeldByOther, LockHolder } from "@/adapters/directory_lock.ts";
import { findToken } from "@/adapters/process/admin_token.ts";
import { Refusal } from "@/domain/decider.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Installation } from "@/domain/ports/installation.ts";
import { openRunningInstallation, type RunningOptions } from "./chandlery.ts";

export interface RunningPlace extends Pick<RunningOptions, "findOrphans"> {
  /** Absolute path of its data directory. */
  readonly path: string;
  readonly lock: HeldByOther;
  /** The token of our own settings. */
  readonly adminToken: string | undefined;
  readonly clock: Clock;
}

/** The process that works on the data directory, through its API; a Refusal where it has none. */
export async function openRunning(place: RunningPlace): Promise<Installation> {
  const { path, lock, adminToken, clock, findOrphans } = place;
  const { address = null, tokenFile = null } = lock.holder ?? {};
  if (address === null) throw refuseHeld(path, lock);
  const token = await chooseToken({ tokenFile }, adminToken);
  return openRunningInstallation({ address, token, clock, findOrphans });
}

/** The token that the running installation takes: of its file when it has one, else of our settings. */
export async function chooseToken(
  { tokenFile }: Pick<LockHolder, "tokenFile">,
  adminToken: string | undefined,
): Promise<string> {
  const kept = tokenFile === null ? undefined : await findToken(tokenFile).catch(ignoreUnreadable);
  const token = kept ?? adminToken;
  if (token !== undefined) return token;
  const where = tokenFile === null ? "its token" : `the token in ${tokenFile}`;
  throw new Refusal(
    "unauthenticated",
    `Cannot call the running installation: set ADMIN_TOKEN to ${where}`,
  );
}

/** Another user's file is as good as none. */
function ignoreUnreadable(error: unknown): undefined {
  if (error instanceof Deno.errors.PermissionDenied) return undefined;
  if (error instanceof Deno.errors.NotCapable) return undefined;
  throw error;
}
