/** Figures with their units, as people read them. */

/** `0 B`, `512 B`, `1.5 kB`, `468 MB`. */
export function bytesText(bytes: number): string {
  return `${scaled(bytes)}B`;
}

/** With a power of a thousand as its letter: `512 `, `1.5 k`, `468 M`. */
export function scaled(value: number): string {
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), 5);
  const digits = value / 1000 ** power;
  return `${digits < 99.95 && power > 0 ? digits.toFixed(1) : Math.round(digits)} ${['', 'k', 'M', 'G', 'T', 'P'][power]}`;
}
