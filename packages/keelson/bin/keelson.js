#!/usr/bin/env node
/** The `keelson` command, as npm links it. */
import '../src/cli/keelson.ts';
