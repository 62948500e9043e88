'use strict';
require('./gocache.js')('post');
