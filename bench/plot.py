"""Draws what a run has found, as SVG: how far each judged figure is from its target, and what one
provision takes by how many are outstanding. Needs gnuplot."""
import json
import os
import re
import shutil
import subprocess

MET, MISSED, QUIET = "#3b7a57", "#b5542b", "#4a6fa5"


def gnuplot(path, width, height, script):
    if not shutil.which("gnuplot"):
        raise RuntimeError("figures are drawn by gnuplot, which is not there: apt-get "
                           "install gnuplot-nox")
    head = (f"set terminal svg size {width},{height} font 'sans-serif,13' background '#ffffff'\n"
            "set encoding utf8\n"
            "set border 3 lc '#888888'\nset tics nomirror\n"
            "set grid lc '#dddddd'\n")
    done = subprocess.run(["gnuplot", "-"], input=head + script, text=True, capture_output=True)
    if done.returncode or done.stderr:
        raise RuntimeError(f"gnuplot does not draw {path}: {done.stderr.strip()}")
    with open(path, "w") as file:
        file.writelines(f"{line.rstrip()}\n" for line in done.stdout.strip().splitlines())


def quoted(text):
    return '"' + re.sub(r'["\\]', "", text) + '"'


def block(name, rows):
    return f"${name} << END\n" + "".join(f"{' '.join(map(str, row))}\n" for row in rows) + "END\n"


def distance(row):
    """How much of its target a figure has used up: at 1 it is just met, beyond it is missed."""
    judged = row.get("ratio", row["median"])
    return judged / row["most"] if "most" in row else row["least"] / judged


def draw_targets(rows, path):
    rows = [row for row in rows if "met" in row]
    rows.reverse()  # the first one on top
    bars = []
    for at, row in enumerate(rows):
        bound = f"<= {row['most']:,g}" if "most" in row else f">= {row['least']:,g}"
        judged = (f"{row['ratio']:.2f} x" if "ratio" in row
                  else f"{row['median']:,.4g} {row['unit']}")
        bars.append((at, f"{distance(row):.4f}", quoted(row["name"]),
                     quoted(f"{judged} ({bound})")))
    farthest = max(2.0, *(distance(row) for row in rows))
    nearest = min(0.5, *(distance(row) for row in rows))
    gnuplot(path, 900, 90 + 24 * len(rows), block("bars", bars) + f"""
set title 'Each judged figure beside its target: to the left it is met'
set logscale x 2
set xrange [{nearest * 0.8}:{farthest * 8}]
set yrange [-0.6:{len(rows) - 0.4}]
set xtics ('1/32' 1.0/32, '1/8' 0.125, '1/2' 0.5, 'target' 1, '2 x' 2, '4 x' 4)
set arrow from 1, graph 0 to 1, graph 1 nohead lw 2 lc '#444444' front
set lmargin 36
unset grid
plot $bars using (1):1:($2 < 1 ? $2 : 1):(1):($1-0.35):($1+0.35):ytic(3) with boxxyerror \\
         fs solid 0.85 noborder lc rgb '{MET}' notitle, \\
     $bars using (1):1:(1):($2 > 1 ? $2 : 1):($1-0.35):($1+0.35) with boxxyerror \\
         fs solid 0.85 noborder lc rgb '{MISSED}' notitle, \\
     $bars using ($2 < 1 ? 1 : $2):1:4 with labels left offset 0.7,0 font ',11' notitle
""")


def draw_provision(rows, path):
    points = {}
    for row in rows:
        found = re.fullmatch(r"provision, (\d+) outstanding: (time|rate)", row["name"])
        if found and found[2] not in points.setdefault(int(found[1]), {}):
            points[int(found[1])][found[2]] = row
    lines = [(count, f"{two['time']['median'] / 1000:.3f}", f"{two['time']['p99'] / 1000:.3f}",
              f"{two['rate']['median']:.0f}")
             for count, two in sorted(points.items()) if len(two) == 2]
    if not lines:
        raise RuntimeError("there is no provision among the figures: bench/run --only path")
    ticks = ", ".join(f"'{line[0]}' {line[0]}" for line in lines)
    gnuplot(path, 900, 380, block("points", lines) + f"""
set multiplot layout 1,2
set logscale x 2
set xtics ({ticks})
set xrange [{lines[0][0] * 0.8}:{lines[-1][0] * 1.25}]
set xlabel 'provisions outstanding'
set key left top
set logscale y
set title 'from the request to the true end, ms'
plot $points using 1:2 with linespoints lw 2 pt 7 lc rgb '{MET}' title 'p50', \\
     $points using 1:3 with linespoints lw 2 pt 5 lc rgb '{MISSED}' title 'p99'
unset logscale y
set title 'provisions a second'
set yrange [0:*]
plot $points using 1:4 with linespoints lw 2 pt 7 lc rgb '{QUIET}' notitle
""")


def draw(source):
    """Beside the file of a run: NAME-targets.svg, NAME-provision.svg. Their paths."""
    with open(source) as file:
        try:
            rows = json.load(file)["rows"]
        except (KeyError, ValueError) as fault:
            raise RuntimeError(f"{source} is not what bench/run writes: {fault!r}") from fault
    base = os.path.splitext(source)[0]
    drawn = []
    if any("met" in row for row in rows):
        drawn.append(f"{base}-targets.svg")
        draw_targets(rows, drawn[-1])
    if any(row["name"].startswith("provision, ") for row in rows):
        drawn.append(f"{base}-provision.svg")
        draw_provision(rows, drawn[-1])
    if not drawn:
        raise RuntimeError(f"{source} has no figure that is drawn: targets, and provisions")
    return drawn
