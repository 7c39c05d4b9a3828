'use strict';

require('./group')('function-references');
