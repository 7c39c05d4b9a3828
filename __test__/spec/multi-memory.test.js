'use strict';

require('./group')('multi-memory');
