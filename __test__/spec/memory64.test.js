'use strict';

require('./group')('memory64');
