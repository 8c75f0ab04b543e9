/** The colours of the report. Masks differ by colour and by the shape of their points, systems by dash and fill, so no colour is needed. */

/** Names of CSS variables, without `--`. */
export type Colour = 'ink' | 'muted' | 'line' | 'surface' | 'panel' | 'dense' | 'causal' | 'window';

/** Every text colour has a contrast of 4.5 or more on `surface` and on `panel`. */
export const palettes: Readonly<Record<'light' | 'dark', Readonly<Record<Colour, string>>>> = {
  light: {
    ink: '#1b1f24',
    muted: '#57606a',
    line: '#dfe3e8',
    surface: '#ffffff',
    panel: '#f6f7f9',
    dense: '#b5480a',
    causal: '#0a5fa8',
    window: '#0b7257',
  },
  dark: {
    ink: '#e9edf2',
    muted: '#9aa5b1',
    line: '#2d343d',
    surface: '#0d1117',
    panel: '#171c23',
    dense: '#ff9d66',
    causal: '#74b9ff',
    window: '#54d3a6',
  },
};

/** Definitions for a style sheet. */
export const variables = (theme: keyof typeof palettes): string =>
  Object.entries(palettes[theme])
    .map(([name, value]) => `--${name}: ${value};`)
    .join(' ');

/** A drawing whose variables are replaced, for where there is no style sheet. */
export const painted = (svg: string, theme: keyof typeof palettes): string =>
  svg.replace(/var\(--(\w+)\)/g, (all, name: string) => palettes[theme][name as Colour] ?? all);
