'use strict';

require('./group')('threads');
