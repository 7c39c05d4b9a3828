'use strict';

require('./group')('extended-const');
