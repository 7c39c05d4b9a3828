'use strict';

const { spawn } = require('node:child_process');

/**
 * Runs node with the arguments and collects what it says.
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, timeout?: number, input?: string }} [options] timeout in ms
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string, cpu?: number }>}
 */
function node(args, { env = {}, cwd, timeout = 110_000, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NODE_OPTIONS: '', ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const timer = setTimeout(() => {
      stderr += `\nno end after ${timeout} ms`;
      child.kill('SIGKILL');
    }, timeout);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
    child.stdin.on('error', () => {}).end(input ?? '');
  });
}

module.exports = { node };
