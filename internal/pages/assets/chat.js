// The chat page: it asks for an app's key, and with a key it is a Chat.

import {Gate, Theme} from './gate.js';
import {ask, Chat} from './talk.js';

new Theme();
new Gate({
  shown: ['talk', 'composer', 'new', 'settings-button'],
  focused: 'prompt',
  check: (key) => ask(key, 'v1/me'),
  enter: (key, leave) => new Chat(key, leave),
});
