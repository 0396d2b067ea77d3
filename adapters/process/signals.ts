/** Calls back when the process is asked to stop: Ctrl-C, or SIGTERM where the system knows it. */
export function onStopSignal(handle: (signal: Deno.Signal) => void): void {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, () => handle(signal));
}

/** Calls back with what nobody caught, instead of the runtime's own end. */
export function onUncaught(handle: (error: unknown) => void): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    handle(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    handle(event.reason);
  });
}
