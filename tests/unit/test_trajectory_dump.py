"""LAMMPS text dumps: every situation of the specification, with files written by hand."""

import gzip
import pickle
import warnings

import numpy as np
import pytest

from ufpnmr import trajectory
from ufpnmr.errors import InputError

CELL = np.diag([10.0, 11.0, 12.0])


def frame(step, rows, columns="id type xu yu zu", box=None, head="", style="pp pp pp"):
    """Text of one frame; `rows` are the lines of its atoms."""
    box = box or ["0 10", "0 11", "0 12"]
    lines = [
        *([head] if head else []),
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(rows)}",
        f"ITEM: BOX BOUNDS {style}",
        *box,
        f"ITEM: ATOMS {columns}",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def rows_of(positions, types=(1, 2, 3), order=None):
    order = range(len(positions)) if order is None else order
    return [f"{i + 1} {types[i]} " + " ".join(f"{x:.8g}" for x in positions[i]) for i in order]


BASE = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])


def path_of(k):
    """Positions of the three atoms in frame k: atom 1 leaves through the face x = 10."""
    return BASE + k * np.array([[1.7, 0.0, 0.0], [0.0, 0.01, 0.0], [0.0, 0.0, -0.02]])


@pytest.fixture
def write(tmp_path):
    def write(text, name="run.dump"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def opened(path, **options):
    return trajectory.open(path, **{"elements": "Li P S", **options})


def positions(universe):
    return np.array([ts.data["positions"] for ts in universe.trajectory])


def test_atoms_time_and_cell(write):
    path = write("".join(frame(100 * k, rows_of(path_of(k))) for k in range(8)))
    u = opened(path, timestep=0.002)
    assert u.atoms.ids.tolist() == [1, 2, 3]
    assert u.atoms.elements.tolist() == ["Li", "P", "S"]
    assert u.atoms.types.tolist() == ["1", "2", "3"]
    np.testing.assert_allclose(u.atoms.masses, [6.94, 30.973761998, 32.06])
    np.testing.assert_allclose(trajectory.time_axis(u), 0.2 * np.arange(8), rtol=1e-14)
    assert u.trajectory.dt == pytest.approx(0.2)
    assert u.trajectory.totaltime == pytest.approx(1.4)
    assert [ts.time for ts in u.trajectory] == pytest.approx([0.2 * k for k in range(8)])
    np.testing.assert_array_equal(u.trajectory[3].data["cell"], CELL)
    np.testing.assert_allclose(u.dimensions, [10, 11, 12, 90, 90, 90])
    np.testing.assert_allclose(positions(u), [path_of(k) for k in range(8)], atol=1e-7)


def test_random_access_slices_copy_pickle_and_timeseries(write):
    wrapped = [rows_of(path_of(k) % [10, 11, 12]) for k in range(12)]
    path = write("".join(frame(k, rows, "id type x y z") for k, rows in enumerate(wrapped)))
    u = opened(path)
    expected = np.array([path_of(k) for k in range(12)])
    for k in (11, 0, 7, 3, 3, 11, 6):
        np.testing.assert_allclose(u.trajectory[k].positions, expected[k], atol=1e-5)
        assert u.trajectory.ts.frame == k
    assert [ts.frame for ts in u.trajectory[2:11:4]] == [2, 6, 10]
    assert [ts.frame for ts in u.trajectory[[5, 1]]] == [5, 1]
    u.trajectory[9]
    for other in (u.copy(), pickle.loads(pickle.dumps(u))):
        assert other.trajectory.ts.frame == 9
        np.testing.assert_allclose(other.trajectory[10].positions, expected[10], atol=1e-5)
    assert u.trajectory.ts.frame == 9
    np.testing.assert_allclose(u.trajectory.timeseries(order="fac"), expected, atol=1e-5)


def test_format_is_registered_with_mdanalysis(write):
    import MDAnalysis

    path = write("".join(frame(k, rows_of(path_of(k))) for k in range(3)))
    u = MDAnalysis.Universe.empty(3)
    u.load_new(str(path), format="UFPDUMP", timestep=0.001)
    assert u.trajectory.n_frames == 3
    np.testing.assert_allclose(u.trajectory[2].positions, path_of(2), atol=1e-6)


TILTED = np.array([[10.0, 0.0, 0.0], [3.0, 9.0, 0.0], [-2.0, 1.5, 11.0]])
ORIGIN = np.array([0.5, -1.0, 2.0])
# bounds of the box around the parallelepiped: x adds min(0, xy, xz, xy+xz) = -2 and max = 3, y adds 0 and 1.5
TILTED_BOX = ["-1.5 13.5 3", "-1 9.5 -2", "2 13 1.5"]


@pytest.mark.parametrize(
    "columns", ["x y z ix iy iz", "xs ys zs ix iy iz", "xu yu zu", "xsu ysu zsu", "x y z", "xs ys zs"]
)
def test_every_style_in_a_tilted_cell(write, columns):
    rng = np.random.default_rng(1)
    start = rng.random((3, 3))
    steps = rng.normal(0.0, 0.08, (40, 3, 3))
    fractional = start + np.cumsum(steps, axis=0)
    expected = ORIGIN + fractional @ TILTED
    names = columns.split()
    text = ""
    for k, s in enumerate(fractional):
        image = np.floor(s) if "u" not in names[0] else np.zeros_like(s)
        s = s - image
        values = s if "s" in names[0] else ORIGIN + s @ TILTED
        if "ix" in names:
            values = np.hstack([values, image])
        rows = [f"{i + 1} {i + 1} " + " ".join(f"{x:.12g}" for x in row) for i, row in enumerate(values)]
        text += frame(k, rows, f"id type {columns}", TILTED_BOX, style="xy xz yz pp pp pp")
    u = opened(write(text))
    offset = 0.0
    if columns in ("x y z", "xs ys zs"):
        # only differences are known without flags: the first frame is taken as it is
        offset = np.floor(fractional[0]) @ TILTED
    np.testing.assert_allclose(positions(u), expected - offset, atol=1e-9)
    np.testing.assert_allclose(u.trajectory[5].data["cell"], TILTED, atol=1e-12)
    np.testing.assert_allclose(u.trajectory[5].data["origin"], ORIGIN, atol=1e-12)


def test_general_triclinic_is_turned_and_the_rotation_kept(write):
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
    general = TILTED @ turn.T
    fractional = np.array([[0.1, 0.2, 0.3], [0.9, 0.4, 0.5], [1.7, -0.3, 0.2]])
    written = ORIGIN + fractional @ general
    box = [" ".join(f"{x:.15g}" for x in [*general[i], ORIGIN[i]]) for i in range(3)]
    rows = [f"{i + 1} {i + 1} " + " ".join(f"{x:.15g}" for x in r) for i, r in enumerate(written)]
    u = opened(write(frame(0, rows, box=box, style="abc origin pp pp pp")))
    ts = u.trajectory[0]
    np.testing.assert_allclose(ts.data["cell"], TILTED, atol=1e-12)
    np.testing.assert_allclose(ts.data["positions"], ORIGIN + fractional @ TILTED, atol=1e-12)
    np.testing.assert_allclose(ts.data["rotation"], turn.T, atol=1e-12)


def test_image_flags_that_overflow_are_repaired(write):
    text = ""
    for k in range(8):
        flag = 508 + k
        stored = flag - 1024 if flag > 511 else flag
        rows = [f"1 1 5 5 5 {stored} 0 -{k}", "2 2 1 1 1 0 0 0", "3 3 2 2 2 0 0 0"]
        text += frame(k, rows, "id type x y z ix iy iz")
    u = opened(write(text))
    found = u.trajectory[6].data["positions"][0]
    np.testing.assert_allclose(found, [5 + 514 * 10, 5, 5 - 6 * 12])
    np.testing.assert_allclose(positions(u)[:, 0, 0], 5 + 10.0 * (508 + np.arange(8)))


def test_fast_ions_cannot_be_unwrapped(write):
    rows = [rows_of(path_of(0)), rows_of(path_of(0) + np.diag([0, 4.1, 0])[:, [1, 0, 2]])]
    u = opened(write("".join(frame(k, r, "id type x y z") for k, r in enumerate(rows))))
    with pytest.raises(InputError, match=r"step 1: atom 2 moves 4.10 Å .* 0.4 of the smallest height .*4.00 Å"):
        u.trajectory[1]


def test_non_periodic_directions_are_not_unwrapped(write):
    moves = [0.5, 9.5]
    text = "".join(
        frame(k, rows_of(BASE * 0 + [x, 1, 1]), "id type x y z", style="ff pp pp") for k, x in enumerate(moves)
    )
    np.testing.assert_allclose(positions(opened(write(text)))[:, 0, 0], moves)


class TestTime:
    def text(self, **options):
        return "".join(frame(500 + 10 * k, rows_of(path_of(k)), **options) for k in range(4))

    def test_is_unknown_without_a_source(self, write):
        u = opened(write(self.text()))
        assert u.trajectory.has_time is False
        assert np.isnan(u.trajectory.ts.time)
        assert np.isnan(u.trajectory.dt)
        with pytest.raises(InputError, match="time unknown: give --timestep or --log"):
            trajectory.time_axis(u)
        with pytest.raises(InputError, match="time unknown"):
            trajectory.ion_paths(u, "element Li")

    @pytest.mark.parametrize(("units", "factor"), [("metal", 1.0), ("real", 1e-3)])
    def test_from_the_dump(self, write, units, factor):
        text = f"ITEM: UNITS\n{units}\n"
        for k in range(4):
            text += frame(500 + 10 * k, rows_of(path_of(k)), head=f"ITEM: TIME\n{7 + 0.25 * k}")
        u = opened(write(text))
        np.testing.assert_allclose(trajectory.time_axis(u), 0.25 * np.arange(4) * factor)
        opened(write(text), timestep=0.025 * factor)
        with pytest.raises(InputError, match=r"step 530 is at .* by its ITEM: TIME and at"):
            opened(write(text), timestep=0.002 * factor)

    def test_written_time_without_its_unit(self, write):
        text = "".join(frame(k, rows_of(path_of(k)), head=f"ITEM: TIME\n{k}") for k in range(3))
        u = opened(write(text))
        with pytest.raises(InputError, match="ITEM: TIME has no unit"):
            trajectory.time_axis(u)

    def test_lj_is_refused(self, write):
        with pytest.raises(InputError, match="expected units metal or real, found lj"):
            opened(write("ITEM: UNITS\nlj\n" + self.text()))

    def test_timestep_must_be_positive(self, write):
        with pytest.raises(InputError, match="expected a positive number of ps, found -1"):
            opened(write(self.text()), timestep=-1)

    @pytest.mark.parametrize(
        ("log", "expected"),
        [
            ("units metal\ntimestep ${dt}\ntimestep 0.002\n", 0.002),
            ("units real\ntimestep 2.0  # fs\n", 0.002),
            (
                "Setting up Verlet run ...\n  Unit style    : metal\n  Current step  : 0\n  Time step     : 0.001\n",
                0.001,
            ),
            ("  Unit style    : real\n  Time step     : 0.5\n" * 3, 0.0005),
        ],
    )
    def test_from_the_log(self, write, log, expected):
        path = write(log, "log.lammps")
        assert trajectory.read_log(path).timestep == pytest.approx(expected, rel=1e-15)
        u = opened(write(self.text()), log=path)
        np.testing.assert_allclose(trajectory.time_axis(u), 10 * np.arange(4) * expected)

    @pytest.mark.parametrize(
        ("log", "message"),
        [
            ("units lj\ntimestep 0.005\n", "expected units metal or real, found lj"),
            ("units metal\n", "expected a LAMMPS log with the timestep of the run"),
            ("hello\n", "unit style of the run, found none"),
            ("units metal\ntimestep 0.001\ntimestep 0.002\n", "expected one timestep, found 0.001, 0.002"),
            ("units metal\ntimestep 0\n", "expected a positive number of ps"),
        ],
    )
    def test_logs_that_do_not_tell(self, write, log, message):
        with pytest.raises(InputError, match=message):
            trajectory.read_log(write(log, "log.lammps"))

    def test_log_and_argument_must_agree(self, write):
        log = write("units metal\ntimestep 0.002\n", "log.lammps")
        with pytest.raises(InputError, match=r"timestep is 0.002 ps, not 0.001 ps"):
            opened(write(self.text()), log=log, timestep=0.001)


class TestIdentities:
    def test_types_need_elements(self, write):
        path = write(frame(0, rows_of(BASE)))
        with pytest.raises(InputError, match="elements are not told"):
            trajectory.open(path)
        with pytest.raises(InputError, match="expected an element for type 3, found 2 elements"):
            trajectory.open(path, elements="Li P")
        with pytest.raises(InputError, match=r"unknown element 'Lii' \(did you mean 'Li'\?\)"):
            trajectory.open(path, elements="Lii P S")

    @pytest.mark.parametrize("elements", ["Li P S", "Li,P,S", ["Li", "P", "S"], {1: "Li", 2: "P", 3: "S"}])
    def test_forms_of_the_map(self, write, elements):
        u = trajectory.open(write(frame(0, rows_of(BASE))), elements=elements)
        assert u.atoms.elements.tolist() == ["Li", "P", "S"]

    def test_element_column(self, write):
        rows = ["3 S 1 1 1", "1 Li 2 2 2", "2 P 3 3 3"]
        u = trajectory.open(write(frame(0, rows, "id element xu yu zu")))
        assert u.atoms.elements.tolist() == ["Li", "P", "S"]

    def test_default_element_of_lammps_is_not_believed(self, write):
        rows = ["1 1 C 1 1 1", "2 2 C 2 2 2"]
        with pytest.raises(InputError, match="says C for every type, the default of LAMMPS"):
            trajectory.open(write(frame(0, rows, "id type element xu yu zu")))

    def test_element_column_with_other_names(self, write):
        with pytest.raises(InputError, match="column element: unknown element 'Lx'"):
            trajectory.open(write(frame(0, ["1 Lx 1 1 1"], "id element xu yu zu")))

    DATA = (
        "LAMMPS data file via write_data, version 22 Jul 2025, timestep = 0, units = metal\n\n"
        "3 atoms\n3 atom types\n\n0 10 xlo xhi\n0 11 ylo yhi\n0 12 zlo zhi\n\nMasses\n\n{masses}\n\n"
        "Atoms # {style}\n\n{atoms}\n\nVelocities\n\n1 0 0 0\n2 0 0 0\n3 0 0 0\n"
    )

    @pytest.mark.parametrize(
        ("style", "atoms"),
        [
            ("atomic", "3 1 1 1 1\n1 3 2 2 2\n2 2 3 3 3"),
            ("charge", "3 1 0.5 1 1 1\n1 3 0 2 2 2\n2 2 0 3 3 3"),
            ("full", "3 7 1 0.5 1 1 1\n1 7 3 0 2 2 2\n2 8 2 0 3 3 3"),
        ],
    )
    @pytest.mark.parametrize("masses", ["1 6.94\n2 30.974\n3 32.06", "1 7.016 # Li\n2 31 # P\n3 32 # S"])
    def test_data_file(self, write, style, atoms, masses):
        data = write(self.DATA.format(style=style, atoms=atoms, masses=masses), "data.lps")
        path = write(frame(0, ["3 1 1 1", "1 2 2 2"], "id xu yu zu"))
        u = trajectory.open(path, topology=data)
        assert u.atoms.ids.tolist() == [1, 3]
        assert u.atoms.elements.tolist() == ["S", "Li"]

    def test_data_file_with_type_labels(self, write):
        text = self.DATA.format(
            style="atomic", atoms="1 Li 1 1 1\n2 P 2 2 2\n3 S 3 3 3", masses="Li 6.94\nP 30.97\nS 32.06"
        )
        text = text.replace("Masses", "Atom Type Labels\n\n1 Li\n2 P\n3 S\n\nMasses")
        u = trajectory.open(write(frame(0, rows_of(BASE))), topology=write(text, "data.lps"))
        assert u.atoms.elements.tolist() == ["Li", "P", "S"]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("1 6.94", "1 6.5", "element of type 1 is not told"),
            ("Atoms # atomic", "Atoms # dielectric", "expected 'Atoms # STYLE'"),
            ("1 1 1 1 1", "1 x 1 1 1", "expected a whole number, found 'x'"),
            ("2 2 2 2 2", "1 2 2 2 2", "an atom id appears twice"),
            ("3 3 3 3 3", "4 3 3 3 3", "some of its atom ids are not in"),
        ],
    )
    def test_data_files_that_do_not_tell(self, write, old, new, message):
        text = self.DATA.format(
            style="atomic", atoms="1 1 1 1 1\n2 2 2 2 2\n3 3 3 3 3", masses="1 6.94\n2 30.974\n3 32.06"
        )
        data = write(text.replace(old, new), "data.lps")
        with pytest.raises(InputError, match=message):
            trajectory.open(write(frame(0, rows_of(BASE))), topology=data)


class TestOrder:
    def test_rows_are_sorted_by_id(self, write):
        rng = np.random.default_rng(2)
        text = "".join(frame(k, rows_of(path_of(k), order=rng.permutation(3))) for k in range(10))
        np.testing.assert_allclose(positions(opened(write(text))), [path_of(k) for k in range(10)], atol=1e-6)

    def test_no_id_is_an_error_unless_order_is_promised(self, write):
        rows = [" ".join(f"{x:.8g}" for x in [i + 1, *r]) for i, r in enumerate(BASE)]
        path = write(frame(0, rows, "type xu yu zu") + frame(1, rows, "type xu yu zu"))
        with pytest.raises(InputError, match="expected a column id"):
            opened(path)
        assert opened(path, assume_order=True).trajectory.n_frames == 2
        swapped = write(frame(0, rows, "type xu yu zu") + frame(1, rows[::-1], "type xu yu zu"))
        with pytest.raises(InputError, match="step 1: more than 1 % of the atoms move"):
            opened(swapped, assume_order=True)

    def test_an_id_twice(self, write):
        rows = rows_of(BASE)
        with pytest.raises(InputError, match="step 0: atom id 1 appears twice"):
            opened(write(frame(0, [rows[0], rows[0], rows[2]])))

    def test_other_ids_later(self, write):
        other = [*rows_of(BASE)[:2], "9 3 1 1 1"]
        u = opened(write(frame(0, rows_of(BASE)) + frame(5, other)))
        with pytest.raises(InputError, match="step 5: expected the atom ids of the first frame"):
            u.trajectory[1]


class TestDamage:
    def frames(self, n=3):
        return [frame(10 * k, rows_of(path_of(k))) for k in range(n)]

    def test_cut_at_every_byte_of_the_last_frame(self, write, tmp_path):
        first, second, last = self.frames()
        whole = first + second + last
        path = tmp_path / "cut.dump"
        for size in range(len(first + second), len(whole) + 1):
            path.write_bytes(whole.encode()[:size])
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                u = opened(path)
            complete = size == len(whole)
            assert u.trajectory.n_frames == (3 if complete else 2)
            partial = len(first + second) < size < len(whole)
            assert u.trajectory.n_dropped == partial
            assert [str(w.message) for w in caught if "incomplete" in str(w.message)] == [
                str(w.message) for w in caught
            ]
            assert len(caught) == partial
            np.testing.assert_allclose(u.trajectory[-1].positions, path_of(u.trajectory.n_frames - 1), atol=1e-6)

    def test_warning_names_step_and_byte(self, write):
        first, second, last = self.frames()
        with pytest.warns(UserWarning, match=rf"1 incomplete frame.* at byte {len(first + second)} \(step 20\)"):
            opened(write(first + second + last[:-4]))

    def test_gzip_cut_at_every_byte(self, write, tmp_path):
        frames = self.frames(20)
        whole = gzip.compress("".join(frames).encode())
        path = tmp_path / "cut.dump.gz"
        counts = []
        for size in range(20, len(whole) + 1):
            path.write_bytes(whole[:size])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    u = opened(path)
                except InputError:
                    counts.append(0)
                    continue
            counts.append(u.trajectory.n_frames)
            np.testing.assert_allclose(u.trajectory[-1].positions, path_of(counts[-1] - 1), atol=1e-6)
        assert counts == sorted(counts)
        assert counts[-1] == 20
        assert len(set(counts)) > 2

    @pytest.mark.parametrize("cut", [1, 5, 12, 30, 60, 90, 120])
    def test_appended_restart_behind_a_cut(self, write, cut):
        frames = self.frames(5)
        with pytest.warns(UserWarning, match="1 incomplete"):
            u = opened(write(frames[0] + frames[1] + frames[2][:-cut] + "".join(frames[2:])))
        assert u.trajectory.steps.tolist() == [0, 10, 20, 30, 40]
        np.testing.assert_allclose(positions(u), [path_of(k) for k in range(5)], atol=1e-6)

    def test_appended_restart_with_unit_and_time_headers(self, write):
        head = "ITEM: UNITS\nmetal\n"
        run = [frame(10 * k, rows_of(path_of(k)), head=f"ITEM: TIME\n{0.02 * k}") for k in range(4)]
        with pytest.warns(UserWarning, match="1 incomplete"):
            u = opened(write(head + run[0] + run[1][:-3] + head + run[1] + run[2] + run[3]))
        np.testing.assert_allclose(trajectory.time_axis(u), 0.02 * np.arange(4))

    def test_repeated_step_last_one_kept(self, write):
        marked = frame(10, rows_of(path_of(1) + 0.5))
        frames = self.frames(4)
        u = opened(write(frames[0] + frames[1] + marked + frames[2]))
        assert u.trajectory.steps.tolist() == [0, 10, 20]
        assert u.trajectory.n_repeated == 1
        np.testing.assert_allclose(u.trajectory[1].positions, path_of(1) + 0.5, atol=1e-6)

    def test_older_branch_discarded(self, write):
        frames = self.frames(5)
        branch = [frame(s, rows_of(path_of(1) + 0.25)) for s in (10, 15)]
        with pytest.warns(UserWarning, match="3 frames of the older branch"):
            u = opened(write("".join(frames) + "".join(branch)))
        assert u.trajectory.steps.tolist() == [0, 10, 15]
        assert (u.trajectory.n_repeated, u.trajectory.n_discarded) == (1, 3)

    @pytest.mark.parametrize("word", ["nan", "-nan", "inf", "-inf"])
    def test_not_a_number(self, write, word):
        bad = frame(70, ["1 1 1 1 1", f"2 2 1 {word} 1", "3 3 1 1 1"])
        u = opened(write(frame(60, rows_of(BASE)) + bad))
        with pytest.raises(InputError, match="step 70, atom 2: 'yu' is not a finite number"):
            u.trajectory[1]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("2 2 1 1", r"run.dump:11: expected 5 columns, found 4 \(step 0\)"),
            ("2 2 1 1 1 1", r"run.dump:11: expected 5 columns, found more"),
            ("2 2 1 1 1.2.3", r"run.dump:11: expected a number in column 'zu', found '1.2.3'"),
            ("2 2 1 one 1", r"run.dump:11: expected a number in column 'yu', found 'one'"),
        ],
    )
    def test_rows_that_are_not_as_the_header_says(self, write, row, message):
        with pytest.raises(InputError, match=message):
            opened(write(frame(0, [rows_of(BASE)[0], row, rows_of(BASE)[2]])))

    def test_changed_atom_count(self, write):
        with pytest.raises(InputError, match="step 10: expected 3 atoms as in the first frame, found 2"):
            opened(write(frame(0, rows_of(BASE)) + frame(10, rows_of(BASE)[:2])))

    def test_changed_columns(self, write):
        more = frame(10, [f"{row} 0.1" for row in rows_of(BASE)], "id type xu yu zu q")
        assert opened(write(frame(0, rows_of(BASE)) + more)).trajectory.n_frames == 2
        with pytest.raises(InputError, match="step 10: found id type vx vy vz"):
            opened(write(frame(0, rows_of(BASE)) + frame(10, rows_of(BASE), "id type vx vy vz")))
        with pytest.raises(InputError, match="style of positions changes"):
            opened(write(frame(0, rows_of(BASE)) + frame(10, rows_of(BASE), "id type x y z")))

    @pytest.mark.parametrize("text", ["", "\n\n"])
    def test_empty(self, write, text):
        with pytest.raises(InputError, match="found an empty file"):
            opened(write(text))

    def test_no_complete_frame(self, write):
        with pytest.raises(InputError, match="at least one complete frame, found 1 incomplete"):
            opened(write(self.frames(1)[0][:-3]))

    def test_frames_without_atoms(self, write):
        with pytest.raises(InputError, match="expected atoms, found frames without any"):
            opened(write(frame(0, [])))

    def test_no_file(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read: No such file"):
            opened(tmp_path / "absent.dump")

    def test_windows_line_ends(self, tmp_path):
        path = tmp_path / "run.dump"
        path.write_bytes("".join(self.frames()).replace("\n", "\r\n").encode())
        assert opened(path).trajectory.n_frames == 3


def test_further_columns_and_velocities(write):
    rows = ["2 2 3 4 5 0.1 0.2 0.3 7", "1 1 1 1 1 0.4 0.5 0.6 8"]
    text = "ITEM: UNITS\nreal\n" + frame(0, rows, "id type xu yu zu vx vy vz c_efg[1]")
    ts = opened(write(text)).trajectory[0]
    np.testing.assert_array_equal(ts.data["c_efg[1]"], [8, 7])
    np.testing.assert_allclose(ts.velocities, 1e3 * np.array([[0.4, 0.5, 0.6], [0.1, 0.2, 0.3]]), rtol=1e-6)


def test_numbers_are_read_as_python_reads_them(write):
    rng = np.random.default_rng(3)
    values = rng.normal(size=300) * 10.0 ** rng.integers(-30, 30, 300)
    texts = [f"{v:.{rng.integers(1, 18)}{rng.choice(list('gef'))}}" for v in values]
    texts += ["-0", "+1.5", "1.", ".5", "5e-324", "123456789012345678901234567890", "0.1e1", "9007199254740993"]
    rows = [f"{i + 1} 1 {t} 0 0" for i, t in enumerate(texts)]
    found = opened(write(frame(0, rows))).trajectory[0].data["positions"][:, 0]
    np.testing.assert_array_equal(found, [float(t) for t in texts])


def test_gzip_equals_plain_beyond_a_checkpoint(tmp_path):
    """Random access in a .gz of two members that decompress to more than one stretch of 16 MiB."""
    rng = np.random.default_rng(4)
    n_atoms, n_frames = 2000, 240
    frames = []
    for k in range(n_frames):
        values = np.char.mod("%.17g", rng.random((n_atoms, 3)) * 9)
        frames.append(frame(k, [f"{i + 1} 1 " + " ".join(v) for i, v in enumerate(values)]))
    text = "".join(frames)
    assert len(text) > 20 * 2**20
    (tmp_path / "a.dump").write_text(text)
    half = len("".join(frames[:100]))
    parts = [gzip.compress(part.encode(), 1) for part in (text[:half], text[half:])]
    (tmp_path / "b.dump.gz").write_bytes(b"".join(parts))
    plain, packed = opened(tmp_path / "a.dump"), opened(tmp_path / "b.dump.gz")
    assert packed.trajectory.n_frames == n_frames
    for k in (239, 0, 200, 199, 5, 120):
        np.testing.assert_array_equal(plain.trajectory[k].data["positions"], packed.trajectory[k].data["positions"])
