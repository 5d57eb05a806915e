// The page: two halves, of which one is seen.
import { element } from './dom';
import * as receive from './receive';
import * as show from './show';

const HALVES = ['receive', 'show'] as const;

function choose(half: (typeof HALVES)[number]): void {
  for (const name of HALVES) {
    element(name).hidden = name !== half;
    element(`to-${name}`).setAttribute('aria-pressed', String(name === half));
  }
}

for (const half of HALVES) element(`to-${half}`).addEventListener('click', () => choose(half));
receive.setUp();
show.setUp();
choose('receive');
