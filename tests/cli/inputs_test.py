"""Kinds of input by name: in configs, case ids, records, and on the command line."""

import json
import pathlib


def test_verify_takes_a_kind_of_input_and_a_number_of_calls(normbench, one):
    done = normbench("verify", one, "-b", "naive", "--input", "denormal", "--repeat", "50", "-v")
    assert done.returncode == 0 and "on 4 kinds of input and on denormal input" in done.stdout
    assert "/t1/warm/denormal naive passed" in done.stdout
    for words in (["--input", "huge"], ["--repeat", "1"], ["--repeat", "often"]):
        done = normbench("verify", one, *words)
        assert done.returncode == 2 and words[0] in done.stderr


def test_inputs_are_a_part_of_the_case(normbench, one, tmp_path):
    one.write_text(one.read_text() + 'input = ["random", "zero", "spiky"]\n')
    done = normbench("run", one, "-b", "naive")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in
            (tmp_path / done.stdout.strip() / "samples.jsonl").read_text().splitlines()]
    assert {row["input"]: row["case"].rsplit("/", 1)[1] for row in rows} == {
        "random": "warm", "zero": "zero", "spiky": "spiky"}
    assert all(row["outcome"] == "passed" and row["samples_ns"] for row in rows)
    report = normbench("report", tmp_path / done.stdout.strip())
    assert report.returncode == 0
    assert "spiky input" in pathlib.Path(report.stdout.strip()).read_text()
