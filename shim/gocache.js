// Starts the gocache binary for a step of a workflow. It has no dependencies and knows nothing about
// caches: it finds the binary, runs `gocache action PHASE`, and passes on what goes in and comes out.
//
// Where the binary comes from, in this order:
//
//  1. GOCACHE_ACTION_BINARY, a path: for images and machines that bring their own.
//  2. A release: release.json beside this file, which only the tag of a release fills in, names the version and the
//     SHA-256 of each asset. So a tag says which bytes run, whoever can change the assets of the release.
//  3. Elsewhere (a branch, a fork, this project's own workflow): built from the sources beside this file with the go in PATH.
//
// Binaries of 2 and 3 are kept in the runner's tool cache, laid out as @actions/tool-cache does.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const actionDir = path.dirname(__dirname);
const exe = process.platform === 'win32' ? '.exe' : '';

// What Go calls the platforms that node runs on; those that are not listed have the same name.
const goos = { win32: 'windows' }[process.platform] || process.platform;
const goarch = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle' }[process.arch] || process.arch;

// Missing is a reason for not having a binary. The job goes on without a cache.
class Missing extends Error {}

// run is the whole of a phase. Its only failures of the step are those of the binary.
async function run(phase) {
  let binary;
  try {
    binary = await find();
    saveState('binary', binary);
  } catch (err) {
    // The post step says nothing new when the main step has warned already.
    if (!process.env.STATE_missing) warn(`gocache is not available, the job runs without a cache: ${err.message}`);
    saveState('missing', 'true');
    return 0;
  }
  return start(binary, ['action', phase]);
}

// find returns the path of a binary that can be run.
async function find() {
  const given = process.env.GOCACHE_ACTION_BINARY;
  if (given) {
    if (!isFile(given)) throw new Missing(`GOCACHE_ACTION_BINARY names ${given}, which is no file`);
    return path.resolve(given);
  }
  // The post step runs what the main step ran, though go is gone from PATH or the checkout was changed.
  const before = process.env.STATE_binary;
  if (before && isFile(before)) return before;
  const release = readRelease();
  const asset = `gocache_${goos}_${goarch}${exe}`;
  if (release.version && release.assets[asset]) {
    return fromRelease(release.version, asset, release.assets[asset].toLowerCase());
  }
  return fromSource(`no release has a binary for ${goos}/${goarch}`);
}

function readRelease() {
  try {
    return JSON.parse(fs.readFileSync(path.join(__dirname, 'release.json'), 'utf8'));
  } catch (err) {
    throw new Missing(`shim/release.json: ${err.message}`);
  }
}

// ---- releases

const releases = 'https://github.com/org/gocache-action/releases/download';

// fromRelease returns the binary of the tool cache, or downloads it. What lies there is checked too: a machine that
// keeps its tool cache can hold half a file, or one that another job has changed.
async function fromRelease(version, asset, sha256) {
  const slot = toolSlot(version.replace(/^v/, ''));
  if (slot.complete() && sha256Of(slot.binary) === sha256) return slot.binary;
  const base = (process.env.GOCACHE_ACTION_DOWNLOAD_URL || releases).replace(/\/+$/, '');
  const url = `${base}/${version}/${asset}`;
  await slot.fill(async (file) => {
    await download(url, file);
    const got = sha256Of(file);
    if (got !== sha256) throw new Missing(`${url} has the SHA-256 ${got}, but this version of the action wants ${sha256}`);
  });
  return slot.binary;
}

const attempts = 4;

// download writes what a URL has to a file. What may pass (no connection, an overloaded server, a body cut short) is tried again.
async function download(url, file) {
  for (let i = 1; ; i++) {
    try {
      return await fetchTo(url, file, 5);
    } catch (err) {
      if (err instanceof Missing || i === attempts) throw new Missing(`download ${url}: ${err.message}`);
      const unit = Number(process.env.GOCACHE_ACTION_DOWNLOAD_WAIT || 1000); // milliseconds; the tests do not wait
      await new Promise((resolve) => setTimeout(resolve, unit * 2 ** i * (0.5 + Math.random())));
    }
  }
}

function fetchTo(url, file, redirects) {
  return new Promise((resolve, reject) => {
    const secure = new URL(url).protocol === 'https:';
    const http = require(secure ? 'node:https' : 'node:http');
    // HTTP_PROXY, HTTPS_PROXY and NO_PROXY count from node 24.5 on; before, the option is ignored.
    const agent = new http.Agent({ proxyEnv: process.env });
    const request = http.get(url, { agent, headers: { 'user-agent': 'gocache-action' } }, (response) => {
      const status = response.statusCode;
      if (status >= 300 && status < 400 && response.headers.location) {
        response.resume();
        const next = new URL(response.headers.location, url);
        if (redirects === 0) return reject(new Missing('too many redirects'));
        if (secure && next.protocol !== 'https:') return reject(new Missing(`redirect to ${next.protocol}//`));
        return resolve(fetchTo(next.href, file, redirects - 1));
      }
      if (status !== 200) {
        response.resume();
        const passing = status >= 500 || status === 408 || status === 429;
        return reject(passing ? new Error(`HTTP status ${status}`) : new Missing(`HTTP status ${status}`));
      }
      // pipeline fails when the connection ends before Content-Length is reached.
      require('node:stream').pipeline(response, fs.createWriteStream(file), (err) => (err ? reject(err) : resolve()));
    });
    request.setTimeout(30_000, () => request.destroy(new Error('nothing came for 30 s')));
    request.on('error', reject);
  });
}

// ---- sources

// fromSource builds the command of this checkout. Its caches are its own: the job's would be saved with it.
async function fromSource(why) {
  const slot = toolSlot(`0.0.0-src.${sourceHash()}`);
  if (slot.complete()) return slot.binary;
  if (!fs.existsSync(path.join(actionDir, 'go.mod'))) throw new Missing(`${why}, and there are no sources to build it from`);
  console.log(`gocache: ${why}: building it from ${actionDir}`);
  const work = path.join(tempDir(), 'gocache-action-build');
  const env = {
    ...process.env,
    GOCACHE: path.join(work, 'build'),
    GOMODCACHE: path.join(work, 'mod'),
    GOFLAGS: '-modcacherw', // not empty: then the user's go.env would count
    GOWORK: 'off',
    GOTOOLCHAIN: 'auto', // setup-go says local, and the go in PATH can be too old for the sources
    CGO_ENABLED: '0',
  };
  // What the job compiles for is no matter of this build.
  for (const name of Object.keys(env)) {
    if (/^GO(OS|ARCH|ARM|ARM64|AMD64|386|MIPS|MIPS64|PPC64|RISCV64|EXPERIMENT|CACHEPROG|BIN|111MODULE|FIPS140)$/i.test(name)) delete env[name];
  }
  await slot.fill((file) => {
    const args = ['build', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w -X main.version=devel-${sourceHash()}`, '-o', file, './cmd/gocache'];
    const built = spawnSync('go', args, { cwd: actionDir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (built.error && built.error.code === 'ENOENT') throw new Missing(`${why}, and there is no go in PATH to build it with`);
    if (built.error) throw new Missing(`go build: ${built.error.message}`);
    if (built.status !== 0) throw new Missing(`go build: ${built.stderr.trim()}`);
  });
  fs.rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  dropOldBuilds(path.dirname(path.dirname(slot.binary)));
  return slot.binary;
}

let hash;

// sourceHash names the sources: all that the binary is made of, with its paths. Tests are not part of it.
function sourceHash() {
  if (hash) return hash;
  const sum = crypto.createHash('sha256');
  const walk = (dir) => {
    const list = fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of list) {
      const file = path.join(dir, entry.name);
      if (entry.isDirectory()) {
        if (!/^(\.|_|testdata$|node_modules$|bench$|tools$|docs$|examples$)/.test(entry.name)) walk(file);
      } else if (/\.(go|mod|sum|s|tmpl)$/.test(entry.name) && !entry.name.endsWith('_test.go')) {
        sum.update(path.relative(actionDir, file).split(path.sep).join('/') + '\0').update(fs.readFileSync(file)).update('\0');
      }
    }
  };
  walk(actionDir);
  return (hash = sum.digest('hex').slice(0, 16));
}

// dropOldBuilds keeps the tool cache of a machine that lives long from growing with every commit.
function dropOldBuilds(versions) {
  const old = Date.now() - 14 * 24 * 3600 * 1000;
  for (const name of fs.readdirSync(versions)) {
    const dir = path.join(versions, name);
    if (name.startsWith('0.0.0-src.') && fs.statSync(dir).mtimeMs < old) fs.rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

// ---- tool cache

// toolSlot is a place in the tool cache. The marker is written last; without it the directory does not count.
function toolSlot(version) {
  const root = process.env.RUNNER_TOOL_CACHE || process.env.AGENT_TOOLSDIRECTORY || path.join(tempDir(), 'tools');
  const dir = path.join(root, 'gocache', version, process.arch);
  const binary = path.join(dir, `gocache${exe}`);
  const marker = `${dir}.complete`;
  return {
    binary,
    complete: () => isFile(marker) && isFile(binary),
    // fill lets make write a file and puts it into place by rename: jobs on the same machine may do this at once.
    async fill(make) {
      fs.mkdirSync(dir, { recursive: true });
      const file = `${binary}.${process.pid}.tmp${exe}`;
      try {
        await make(file);
        fs.chmodSync(file, 0o755);
        try {
          fs.renameSync(file, binary);
        } catch (err) {
          // Windows does not replace a program that runs: another job was faster, with the same bytes.
          if (!isFile(binary) || sha256Of(binary) !== sha256Of(file)) throw err;
        }
        fs.writeFileSync(marker, '');
      } finally {
        fs.rmSync(file, { force: true });
      }
    },
  };
}

const tempDir = () => process.env.RUNNER_TEMP || os.tmpdir();
const sha256Of = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

// ---- the process

// start runs the binary and returns its exit code. A cancelled job gets its signal to the binary, which cleans up.
function start(binary, args) {
  return new Promise((resolve) => {
    let child;
    // Before the binary starts: a signal that came in between would end this process alone.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      // On Windows all processes of the console have it already, and kill would end the binary at once.
      process.on(signal, () => process.platform === 'win32' || child.kill(signal));
    }
    child = spawn(binary, args, { stdio: 'inherit', windowsHide: true });
    child.on('error', (err) => {
      warn(`gocache cannot be started, the job runs without a cache: ${err.message}`);
      resolve(0);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]));
  });
}

// warn makes an annotation of one line.
function warn(message) {
  const text = message.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  console.log(`::warning title=gocache::${text}`);
}

// saveState leaves a value for the post step of the same action step. Values have one line.
function saveState(name, value) {
  if (process.env.GITHUB_STATE) fs.appendFileSync(process.env.GITHUB_STATE, `${name}=${value}${os.EOL}`);
}

module.exports = (phase) =>
  run(phase).then(
    (code) => {
      process.exitCode = code;
    },
    (err) => {
      warn(`gocache: ${err.stack}`);
    },
  );
