/** Texts that several commands print or read. */
import { InvalidArgumentError } from 'commander';

/** Rows with their columns lined up; a last column may be as long as it likes. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

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

/** Reads an option that is a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!text.trim() || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('A number above 0.');
  return value;
}

/** Reads an option that is a whole number, 1 or more. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('A whole number, 1 or more.');
  return Number(text);
}
