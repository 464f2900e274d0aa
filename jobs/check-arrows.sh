#!/usr/bin/env bash
# Holds every import in Sources to the graph in Package.swift, and that graph to the layers: arrows point down only.
# The compiler alone does not: whatever has been built may be imported, declared or not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p .nearline
manifest=$(mktemp .nearline/manifest.XXXXXX)
trap 'rm -f "$manifest"' EXIT
swift package dump-package >"$manifest"
mapfile -t sources < <(find Sources -name '*.swift' | LC_ALL=C sort)

awk -v manifest="$manifest" '
    function layer(names, rank,    list, i, count) {
        count = split(names, list, " ")
        for (i = 1; i <= count; i++) rankOf[list[i]] = rank
    }

    BEGIN {
        importLine = "^[ \\t]*(@[A-Za-z_]+([(][^)]*[)])?[ \\t]+)*"
        importLine = importLine "((public|package|internal|fileprivate|private)[ \\t]+)?import[ \\t]+[A-Za-z_]"
        rankName[5] = "measurements"; rankName[4] = "tests"; rankName[3] = "shell"
        rankName[2] = "capability"; rankName[1] = "ground"; rankName[0] = "C"
        # Above everything, so that nothing which ships can reach it.
        layer("cluster-figures codec-figures history-figures lookup-figures model-figures publish-figures transition-figures", 5)
        layer("TestSupport ChatSupport", 4)
        layer("nearline Pipeline", 3)
        layer("Importing Simulation Histories Model Training Retrieval Transitions Clusters ResultTables NearlineClient Ledger Baselines Blending Evaluation Interests", 2)
        layer("Domain Checksum Postgres ResultCodec Snapshots Tensors Safetensors Schema", 1)
        layer("CKernels CBands CStacks CLibPQ COpenBLAS CLZ4 CXXHash CZlib", 0)
        # The arrows between two targets of one layer; the ground may use itself as Package.swift says.
        beside["nearline", "Pipeline"] = beside["Training", "Model"] = beside["Blending", "Baselines"] = 1
        # Model and Training never see the database; Postgres sees nothing of ours but its C library.
        barred["Model", "Postgres"] = barred["Training", "Postgres"] = 1
        onlyOf["Postgres"] = "CLibPQ"
    }

    # The manifest as JSON: keys are sorted, so the dependencies of a target come before its name.
    FILENAME == manifest {
        if ($0 ~ /^  "targets" : /) inTargets = 1
        if (!inTargets) next
        if (takesName) { pending[++pendingCount] = text($0); takesName = 0 }
        if ($0 ~ /^ +"(byName|target)" : \[/) takesName = 1
        if ($0 ~ /^      "name" : /) name = text(substr($0, index($0, ":")))
        if ($0 ~ /^      "type" : /) {
            if ($0 !~ /"test"/) {
                isTarget[name] = 1
                for (i = 1; i <= pendingCount; i++) declared[name, pending[i]] = 1
            }
            pendingCount = 0
        }
        next
    }

    function text(line) { gsub(/^[^"]*"|".*$/, "", line); return line }

    # Where each target is declared, for the messages: its name comes last where a product is called the same.
    FILENAME == "Package.swift" {
        if (match($0, /name: "[A-Za-z0-9_]+"/)) lineOf[substr($0, RSTART + 7, RLENGTH - 8)] = FNR
        next
    }

    $0 ~ importLine {
        split(FILENAME, path, "/")
        from = path[2]
        to = $0
        sub(/^.*import[ \t]+((struct|class|enum|protocol|typealias|func|let|var|actor)[ \t]+)?/, "", to)
        sub(/[^A-Za-z0-9_].*$/, "", to)
        if (!(to in isTarget)) next
        imports++
        importers[to, from] = 1
        if (!(from in isTarget)) say(FILENAME ":" FNR, from " is no target of Package.swift")
        else if (!((from, to) in declared))
            say(FILENAME ":" FNR, from " imports " to ", which its target does not declare")
        check(FILENAME ":" FNR, from, to)
    }

    function check(place, from, to) {
        if (!(from in rankOf) || !(to in rankOf)) return
        if (rankOf[from] < rankOf[to])
            say(place, from " (" rankName[rankOf[from]] ") reaches up to " to " (" rankName[rankOf[to]] ")")
        else if (rankOf[from] == rankOf[to] && rankOf[from] != 1 && !((from, to) in beside))
            say(place, from " reaches beside to " to ": both are " rankName[rankOf[from]])
        if ((from, to) in barred) say(place, from " must not know " to)
        if (from in onlyOf && to != onlyOf[from]) say(place, from " may know " onlyOf[from] " only, not " to)
    }

    function say(place, message) { print place ": " message; violations++ }

    END {
        for (name in isTarget) {
            if (!(name in rankOf)) say("Package.swift:" lineOf[name], name " is in no layer of jobs/check-arrows.sh")
            users = ""; userCount = 0
            for (other in isTarget) {
                if ((other, name) in declared) check("Package.swift:" lineOf[other], other, name)
                if ((other, name) in declared || (name, other) in importers) { users = users " " other; userCount++ }
            }
            if (!(name in rankOf) || rankOf[name] != 0) continue
            if (userCount != 1) say("Package.swift:" lineOf[name], name " needs exactly one importer, has:" users)
            # A dependency in the manifest alone keeps a library that nobody uses.
            else if (!((name, substr(users, 2)) in importers))
                say("Package.swift:" lineOf[name], name " is declared by" users " and imported by nobody")
        }
        if (!imports) say("Sources", "no import of a target found; is Package.swift read as it should be?")
        if (!violations) print "arrows: " imports " imports, all point down"
        exit violations > 0
    }
' "$manifest" Package.swift "${sources[@]}"
