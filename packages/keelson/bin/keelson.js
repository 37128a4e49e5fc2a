#!/usr/bin/env node
import "../src/cli/keelson.ts";
