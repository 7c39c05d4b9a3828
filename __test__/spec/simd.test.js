'use strict';

require('./group')('simd');
