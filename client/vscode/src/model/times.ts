/** Such as 4.9s, 42s, 12m 5s, 3h 20m: as the command line tells it. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${whole % 60}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** From one moment to another; until now where it has not ended. Empty where it has not begun. */
export function elapsed(begin: Date | undefined, end: Date | undefined, now: Date): string {
  return begin ? duration((end ?? now).getTime() - begin.getTime()) : "";
}
