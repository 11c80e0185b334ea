"""What a benchmark run has found: rows beside their limits, as a table and as JSON."""
import json
import statistics


class Report:
    """Rows in the order in which they were found. A limit is another figure of the same run, or a
    fixed number of the specification."""

    def __init__(self, judges):
        self.judges = judges  # few repeats say nothing about a target
        self.rows = []

    def add(self, name, unit, value, **more):
        """more: p99; limit, limit_name: ratio = value / limit; most or least: of the ratio where
        there is a limit, of the value where there is none."""
        row = {"name": name, "unit": unit, "median": value, **more}
        if row.get("limit"):
            row["ratio"] = value / row["limit"]
        judged = row.get("ratio", value)
        if not self.judges:
            pass
        elif "most" in row:
            row["met"] = judged <= row["most"]
        elif "least" in row:
            row["met"] = judged >= row["least"]
        self.rows.append(row)
        print(self.line(row), flush=True)

    @staticmethod
    def number(value):
        return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

    def line(self, row):
        text = (f"{row['name']:44} {self.number(row['median']):>10} {row['unit']:10} "
                f"{self.number(row.get('p99')):>10}")
        if "ratio" in row:
            text += f" {row['ratio']:8.2f} x {row['limit_name']} ({self.number(row['limit'])})"
        if "met" in row:
            bound = f"<= {row['most']:g}" if "most" in row else f">= {row['least']:g}"
            text += f" [{bound}: {'met' if row['met'] else 'MISSED'}]"
        return text

    def heading(self, text):
        print(f"\n{text}\n{'':44} {'median':>10} {'':10} {'p99':>10}    ratio", flush=True)

    def write(self, path, about):
        with open(path, "w") as file:
            json.dump({"about": about, "rows": self.rows}, file, indent=1)
            file.write("\n")


def middle(results, key):
    """The median over the rounds of a run."""
    return statistics.median(result[key] for result in results)
