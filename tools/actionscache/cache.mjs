// Saves or restores files with the client of GitHub:
//
//	node cache.mjs save KEY FILE...
//	node cache.mjs restore KEY,PREFIX,... FILE...
//
// The last line that it prints is the number of the entry that was saved, or the key that was found.
import * as cache from '@actions/cache'

const [operation, keys, ...files] = process.argv.slice(2)
const [key, ...prefixes] = keys.split(',')
const result = operation === 'save' ? await cache.saveCache(files, key) : await cache.restoreCache(files, key, prefixes)
console.log(result ?? 'nothing')
