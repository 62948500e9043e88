'use strict';
require('./gocache.js')('save');
