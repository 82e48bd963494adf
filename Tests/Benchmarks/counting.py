"""How many instructions a program takes in user mode: by the processor, or by valgrind."""
import contextlib
import re
import shutil
import subprocess
import tempfile


def with_perf(command):
    """What a command prints, and how many instructions it took in user mode; None if the processor is not to be asked."""
    with tempfile.NamedTemporaryFile("r") as counts:
        perf = ["perf", "stat", "-x", ",", "-e", "instructions:u", "-o", counts.name, "--"]
        output = subprocess.run(perf + command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"^(\d+),[^,]*,instructions:u", counts.read(), re.MULTILINE)
    return output, int(found[1]) if found else None


@contextlib.contextmanager
def stripped(program):
    """A copy without what compilers write for debuggers: valgrind gives up at some of that."""
    with tempfile.TemporaryDirectory() as directory:
        copy = f"{directory}/program"
        subprocess.run(["strip", "-g", "-o", copy, shutil.which(program)], check=True, capture_output=True, text=True)
        yield copy


def with_valgrind(command):
    """The same, by running it on a simulated processor: slower, and always the same number."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    with stripped(command[0]) as program:
        result = subprocess.run(valgrind + [program] + command[1:], check=True, capture_output=True, text=True)
    return result.stdout, int(re.search(r"I +refs: +([\d,]+)", result.stderr)[1].replace(",", ""))


def by_function(parts):
    """A way to count that also tells the parts, each with all that it calls: functions by how their symbols begin and end.

    None of them may call another. What is left is the "rest".
    """

    def count(command):
        with stripped(command[0]) as program, tempfile.NamedTemporaryFile("r") as profile:
            valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile.name}"]
            output = subprocess.run(
                valgrind + [program] + command[1:], check=True, capture_output=True, text=True).stdout
            lines = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile.name],
                                   check=True, capture_output=True, text=True).stdout
        total = int(re.search(r"^([\d,]+) .*PROGRAM TOTALS", lines, re.MULTILINE)[1].replace(",", ""))
        counts = dict.fromkeys(parts, 0)
        for number, symbol in re.findall(r"^ *([\d,]+) .*?:(\$s\S+)", lines, re.MULTILINE):
            for part, (start, end) in parts.items():
                if symbol.startswith(start) and symbol.endswith(end):
                    counts[part] += int(number.replace(",", ""))
        return output, counts | {"rest": total - sum(counts.values()), "instructions": total}

    return "callgrind", count


def without_counts(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout, None


def counter():
    """The first way to count that works here, with its name; else why none does."""
    reasons = []
    for tool, count in [("perf", with_perf), ("valgrind", with_valgrind)]:
        if not shutil.which(tool):
            reasons.append(f"{tool} is not installed")
            continue
        try:
            if count(["true"])[1]:
                return tool, count
            reasons.append(f"{tool} counts no instructions on this machine")
        except subprocess.CalledProcessError as error:
            reasons.append(f"{tool}: {error.stderr.strip().splitlines()[-1]}")
    print(f"Instructions are not counted: {'; '.join(reasons)}.")
    return "nothing", without_counts
