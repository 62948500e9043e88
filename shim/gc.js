'use strict';
require('./gocache.js')('gc');
