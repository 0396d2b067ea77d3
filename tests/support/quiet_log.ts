import type { Log } from "@/domain/ports/log.ts";

export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
