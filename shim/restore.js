'use strict';
require('./gocache.js')('restore');
