'use strict';

require('./group')('tail-call');
