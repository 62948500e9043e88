'use strict';
require('./gocache.js')('main');
