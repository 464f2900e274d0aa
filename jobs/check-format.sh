#!/usr/bin/env bash
# Holds the sources to .swift-format; `swift format -i` on the file puts most of it right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
swift format lint --strict --parallel --recursive --configuration .swift-format Sources Tests Package.swift
