import assert from 'node:assert/strict';
import test from 'node:test';
import { curveOf, type Point } from '../../cost/curve.ts';
import { drawCurve } from '../../cost/svg.ts';
import { inputs } from './inputs.ts';

const points = curveOf(inputs);

/** Reads XML as far as this picture uses it; throws where it is not well-formed. Gives the elements' names. */
function elementsOf(xml: string): readonly string[] {
  const names: string[] = [];
  const open: string[] = [];
  let rest = xml.trim();
  while (rest !== '') {
    const tag = /^<(\/?)([A-Za-z]+)((?: [A-Za-z:-]+="[^"<&]*")*)(\/?)>/.exec(rest);
    if (tag !== null) {
      const [all, end, name = '', , empty] = tag;
      if (end === '/') assert.equal(open.pop(), name);
      else {
        names.push(name);
        if (empty !== '/') open.push(name);
      }
      rest = rest.slice(all.length);
    } else {
      const words = /^(?:[^<&]|&(?:amp|lt|gt|quot);)+/.exec(rest);
      assert.ok(words !== null && open.length > 0, `not well-formed at ${rest.slice(0, 60)}`);
      rest = rest.slice(words[0].length);
    }
  }
  assert.deepEqual(open, []);
  return names;
}

test('the picture is well-formed XML with one root', () => {
  const names = elementsOf(drawCurve(points, 'about'));
  assert.equal(names[0], 'svg');
  assert.equal(names.filter((name) => name === 'svg').length, 1);
});

test('the reader of this test refuses what is not well-formed', () => {
  for (const wrong of ['<a><b></a></b>', '<a>&</a>', '<a b=c/>', '<a>', 'words'])
    assert.throws(() => elementsOf(wrong), wrong);
});

test('words of outside cannot end an element', () => {
  const picture = drawCurve(points, 'a < b & c > d</desc>');
  elementsOf(picture);
  assert.ok(picture.includes('a &lt; b &amp; c &gt; d&lt;/desc&gt;'));
});

test('every coordinate is a number within the picture', () => {
  const picture = drawCurve(points, 'about');
  assert.doesNotMatch(picture, /NaN|undefined|Infinity/);
  const coordinates = [...picture.matchAll(/ (x|y|cx|cy)="([^"]*)"/g)];
  assert.ok(coordinates.length >= 2 * points.length);
  for (const [, name, value] of coordinates)
    assert.ok(
      Number(value) >= 0 && Number(value) <= (name?.endsWith('x') ? 800 : 560),
      `${name} is ${value}`,
    );
});

test('both axes are named with their units, and each size stands below', () => {
  const picture = drawCurve(points, 'about');
  for (const words of ['Memory, MB', 'Billed duration, ms', 'US dollars for 1 M requests'])
    assert.ok(picture.includes(words), words);
  for (const { memoryMb } of points) assert.match(picture, new RegExp(`>${memoryMb}(?: \\(no room\\))?<`));
});

test('a size without room is drawn hollow, and no other', () => {
  const hollow = (some: readonly Point[]): number =>
    [...drawCurve(some, '').matchAll(/class="hollow/g)].length;
  // Once in each of the four curves.
  assert.equal(hollow(points), 4);
  assert.equal(hollow(points.map((point) => ({ ...point, hasRoom: true }))), 0);
});

test('it has colours for a dark page and a description for who cannot see it', () => {
  const picture = drawCurve(points, 'What it shows');
  assert.match(picture, /@media \(prefers-color-scheme: dark\)/);
  assert.match(picture, /role="img" aria-labelledby="title about"/);
  assert.match(picture, /<desc id="about">What it shows<\/desc>/);
});
