'use strict';

require('./group')('core');
