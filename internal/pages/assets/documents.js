// The documents page: it asks for an app's key, and with a key it is a Library.

import {Gate, Theme} from './gate.js';
import {ask, Library} from './library.js';

new Theme();
new Gate({
  shown: ['library', 'forget'],
  focused: 'query',
  check: (key) => ask(key, 'v1/me'),
  enter: (key, leave) => new Library(key, leave),
});
