// When a figure is good, fair or bad. The limits come from the server with the page.

/** @param {number|null} level 0…1 @param {{good: number, fair: number}} limits @returns {"good"|"fair"|"bad"|"none"} */
export function serviceLevelTone(level, limits) {
  if (level === null || level === undefined) return "none";
  if (level >= limits.good) return "good";
  return level >= limits.fair ? "fair" : "bad";
}

/**
 * A wait within the promise is good, up to twice the promise fair.
 * @param {number|null} waited seconds, null when nobody waits
 * @param {number|null} promised seconds
 * @returns {"good"|"fair"|"bad"|"none"}
 */
export function waitTone(waited, promised) {
  if (waited === null || waited === undefined || !promised) return "none";
  if (waited <= promised) return "good";
  return waited <= 2 * promised ? "fair" : "bad";
}

/** The abandoned share of those who were answered or left. @returns {number|null} */
export function abandonedShare({ answered, abandoned }) {
  const all = answered + abandoned;
  return all === 0 ? null : abandoned / all;
}
