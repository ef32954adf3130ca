// Preloaded by stacks/lazy_bindings.py: the index of the AWS bindings requires all its 2,126 files at once.
// Where its text has the form `exports.name = require('./path')`, each such line becomes a getter that
// requires on first use; any other text is left as it is.
"use strict";
const Module = require("module");

const INDEX = /@cdktf[\\/]provider-aws[\\/]lib[\\/]index\.js$/;
const EAGER = /^exports\.(\w+) = require\((['"]\.\/[^'"]+['"])\);$/gm;
const GETTER = "Object.defineProperty(exports, '$1', { enumerable: true, configurable: true, get: () => require($2) });";
// The line of TypeScript that first sets every name to undefined, which a getter would not survive.
const PLACEHOLDERS = /^exports\.\w+ = (?:exports\.\w+ = )*void 0;$/gm;

const compile = Module.prototype._compile;
Module.prototype._compile = function (content, filename, ...rest) {
  const text = INDEX.test(filename) ? content.replace(PLACEHOLDERS, "").replace(EAGER, GETTER) : content;
  return compile.call(this, text, filename, ...rest);
};
