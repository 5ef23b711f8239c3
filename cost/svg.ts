import type { Point } from './curve.ts';

/** The position of a plot in the picture, its ticks, and the height of a value: 0 is the bottom, 1 the top. */
interface Plot {
  readonly top: number;
  readonly title: string;
  readonly ticks: readonly number[];
  readonly share: (value: number) => number;
}

interface Series {
  readonly name: string;
  readonly colour: 'first' | 'second';
  readonly value: (point: Point) => number;
  readonly label: (value: number) => string;
}

const size = { width: 800, height: 560 };
const left = 70;
const width = 560;
const height = 190;

// Colours for a light page, and for a dark one. All keep a contrast of 4.5 with their page.
const style = `
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 14px; font-weight: 600; }
    .axis, .grid { stroke: #57606a; fill: none; }
    .grid { stroke-opacity: 0.25; }
    .first { stroke: #0550ae; } .first-fill { fill: #0550ae; }
    .second { stroke: #a04100; } .second-fill { fill: #a04100; }
    .line { fill: none; stroke-width: 2; }
    .no-room { stroke-dasharray: 4 4; }
    circle.hollow { fill: none; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .axis, .grid { stroke: #9198a1; }
      .first { stroke: #79c0ff; } .first-fill { fill: #79c0ff; }
      .second { stroke: #ffa657; } .second-fill { fill: #ffa657; }
    }`;

/**
 * Draws the power-tuning curve as SVG: duration above, cost below, against memory.
 *
 * A size without enough room is drawn hollow and with a broken line: it was measured, but is not possible.
 */
export function drawCurve(points: readonly Point[], about: string): string {
  const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));
  const dollars = (usd: number): string => `$${usd.toFixed(2)}`;
  const durations: Plot = {
    ...{ top: 46, title: 'Billed duration, ms (logarithmic)', ticks: [1, 10, 100, 1_000] },
    share: (ms) => Math.log10(Math.max(1, ms)) / Math.log10(3_000),
  };
  const most = 1.15 * Math.max(...points.map(({ usdPerMillion }) => usdPerMillion));
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10].find((one) => most / one <= 6) ?? most;
  const cost: Plot = {
    ...{ top: 306, title: 'Only Lambda, US dollars for 1 M requests', share: (usd) => usd / most },
    ticks: Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step),
  };
  const drawn: readonly (readonly [Plot, Series])[] = [
    [
      durations,
      { name: 'cold: init, first request', colour: 'second', value: (at) => at.coldMs, label: milliseconds },
    ],
    [durations, { name: 'warm: working', colour: 'first', value: (at) => at.workingMs, label: milliseconds }],
    [
      cost,
      {
        name: 'with the wait for the target',
        colour: 'second',
        value: (at) => at.usdPerMillion,
        label: dollars,
      },
    ],
    [
      cost,
      {
        name: 'target answers at once',
        colour: 'first',
        value: (at) => at.withoutWaitUsdPerMillion,
        label: dollars,
      },
    ],
  ];
  const parts = [
    ...[durations, cost].flatMap((plot) => axes(plot, points)),
    ...drawn.flatMap(([plot, series]) => curve(plot, points, series)),
    text(left + width / 2, size.height - 16, 'Memory, MB', 'middle'),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="title about">
  <title id="title">Cost and duration of the forwarder against its memory</title>
  <desc id="about">${escaped(about)}</desc>
  <style>${style}
  </style>
${parts.map((part) => `  ${part}`).join('\n')}
</svg>
`;
}

function axes(plot: Plot, points: readonly Point[]): readonly string[] {
  const bottom = plot.top + height;
  return [
    text(left, plot.top - 14, plot.title, 'start', 'title'),
    ...plot.ticks.flatMap((tick) => [
      `<path class="grid" d="M${left} ${yOf(plot, tick)}h${width}"/>`,
      text(left - 8, yOf(plot, tick) + 4, tick.toLocaleString('en'), 'end'),
    ]),
    `<path class="axis" d="M${left} ${plot.top}v${height}h${width}"/>`,
    ...points.map(({ memoryMb, hasRoom }, index) =>
      text(xOf(points, index), bottom + 18, `${memoryMb}${hasRoom === false ? ' (no room)' : ''}`, 'middle'),
    ),
  ];
}

function curve(
  plot: Plot,
  points: readonly Point[],
  { name, colour, value, label }: Series,
): readonly string[] {
  const places = points.map((point, index) => ({
    ...{ x: xOf(points, index), y: yOf(plot, value(point)), isHollow: point.hasRoom === false },
    text: label(value(point)),
  }));
  const lines = places.slice(0, -1).map(({ x, y, isHollow }, index) => {
    const to = places[index + 1] ?? { x, y };
    return `<path class="line ${colour}${isHollow ? ' no-room' : ''}" d="M${x} ${y}L${to.x} ${to.y}"/>`;
  });
  const marks = places.flatMap((place) => [
    `<circle class="${place.isHollow ? `hollow ${colour}` : `${colour}-fill`}" cx="${place.x}" cy="${place.y}" r="4"/>`,
    text(place.x, place.y + (colour === 'second' ? -9 : 19), place.text, 'middle'),
  ]);
  const last = places.at(-1) ?? { x: left, y: plot.top };
  return [...lines, ...marks, text(last.x + 14, last.y + 4, name, 'start', `${colour}-fill`)];
}

/** Sizes are one step apart, because each is about twice the one before. */
function xOf(points: readonly Point[], index: number): number {
  return Math.round(left + 50 + (index * (width - 100)) / Math.max(1, points.length - 1));
}

function yOf({ top, share }: Plot, value: number): number {
  return Math.round(10 * (top + height - share(value) * height)) / 10;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end', name = ''): string {
  const attribute = name === '' ? '' : ` class="${name}"`;
  return `<text x="${x}" y="${Math.round(10 * y) / 10}" text-anchor="${anchor}"${attribute}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
