"""Commands, computes and fixes of LAMMPS around the pair style: each works, or is refused with a reason."""

import re
from dataclasses import replace

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import cluster, commands, instance, launch, static

CORNER = cluster([(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)])


def ufp(file, elements="Li P S", settings="3"):
    return [f"pair_style ufp {settings}", f"pair_coeff * * {file} {elements}"]


def running(system, pair, folder, **options):
    """Input of a dynamical run: `commands` without its per-atom dump."""
    lines = commands(system, pair, folder, **options)
    drop = ("compute e", "compute s", "compute c", "dump", "undump")
    return [line for line in lines if not line.startswith(drop)]


@pytest.fixture
def packing(potentials, cell24, tmp_path):
    """LAMMPS with the 24-atom cell, relaxed to stay in the domain of R.uf3."""
    with instance(tmp_path) as lmp:
        lmp.commands_list(running(cell24, ufp(potentials / "R.uf3"), tmp_path))
        lmp.commands_list(["minimize 0 1e-2 200 1000", "reset_timestep 0"])
        yield lmp


def energy_from_scratch(lmp, pair, folder):
    """Energy of the atoms that `lmp` holds now, by another instance."""
    lmp.command(f"write_data {folder}/data.now nocoeff")
    with instance(folder, "-log", "none") as other:
        other.commands_list(["units metal", "atom_modify map array", f"read_data {folder}/data.now", *pair, "run 0"])
        return other.get_thermo("pe")


# --- what the style hands out -----------------------------------------------------------------------------------------


def test_extract(potentials, tmp_path):
    model = reference.random_model(("Li", "P"), rc2=6.5, rc3=4.5)
    knots, c, _ = model.pairs["Li", "P"]
    model.pairs["Li", "P"] = (knots, c, 4.0)  # shorter than the legs
    model.onebody = {"Li": -1.5, "P": -2.5}
    path = reference.write(tmp_path / "P.uf3", model)
    system = cluster([(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)], [1, 2, 3])
    pair = ["pair_style hybrid/overlay ufp onebody yes zero 5.0", f"pair_coeff * * ufp {path} P NULL Li"]
    with instance(tmp_path) as lmp:
        lmp.commands_list(commands(system, [*pair, "pair_coeff * * zero"], tmp_path, centroid=False))
        assert np.array(lmp.extract_pair("pair_cutoff"))[1:, 1:].tolist() == [[6.5, 0, 4], [0, 0, 0], [4, 0, 6.5]]
        lmp.commands_list(["pair_style ufp onebody yes", f"pair_coeff * * {path} P Li Li"])
        names = ("cutoff", "pair_cutoff", "leg_cutoff", "first_knot")
        table = {name: np.array(lmp.extract_pair(name)) for name in names}
        onebody = list(lmp.extract_pair("onebody"))
        assert lmp.extract_pair("nonsense") is None
    pairs = np.array([[6.5, 4, 4], [4, 6.5, 6.5], [4, 6.5, 6.5]])
    np.testing.assert_allclose(table["pair_cutoff"][1:, 1:], pairs)
    np.testing.assert_allclose(table["cutoff"][1:, 1:], np.maximum(pairs, 4.5))
    np.testing.assert_allclose(table["leg_cutoff"][1:, 1:], 4.5)
    np.testing.assert_allclose(table["first_knot"][1:, 1:], 1.0)
    assert onebody[1:4] == [-2.5, -1.5, -1.5]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("nonsense", "Fix adapt pair style ufp param nonsense not supported"),
        ("onebody", "Pair style parameter onebody is not compatible with fix adapt"),
        ("first_knot", "Fix adapt interface to pair style ufp is not supported"),
    ],
)
def test_fix_adapt_is_refused(parameter, message, potentials, tmp_path):
    with instance(tmp_path) as lmp:
        lmp.commands_list(running(CORNER, ufp(potentials / "T.uf3", "Li"), tmp_path))
        energy = lmp.get_thermo("pe")
        with pytest.raises(Exception, match=message):
            lmp.commands_list(["variable v equal 9", f"fix a all adapt 1 pair ufp {parameter} * * v_v", "run 1"])
        lmp.commands_list(["unfix a", "run 0"])
        assert lmp.get_thermo("pe") == energy


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("mix arithmetic", "the file holds a block for every pair of elements"),
        ("shift yes", "the file alone says how the potential ends at its cutoffs"),
        ("tail yes", "the potential has no tail beyond its cutoffs"),
        ("table 10", "the style has no tables of Coulomb or dispersion terms"),
        ("table/disp 10", "the style has no tables"),
        ("tabinner 1.0", "the style has no tables"),
        ("nofdotr tabinner/disp 1.0", "the style has no tables"),
    ],
)
def test_pair_modify_refused(options, reason, potentials, tmp_path):
    key = options.removeprefix("nofdotr ").split()[0]
    pattern = re.escape(f"pair_style ufp: expected no pair_modify {key}, found it: {reason}")
    with instance(tmp_path) as lmp, pytest.raises(Exception, match=pattern):
        lmp.commands_list(commands(CORNER, [*ufp(potentials / "T.uf3", "Li"), f"pair_modify {options}"], tmp_path))


def test_pair_modify_accepted(potentials, tmp_path):
    pair = ufp(potentials / "T.uf3", "Li")
    expected = static(CORNER, pair, tmp_path)
    for options in ("shift no tail no", "nofdotr", "neigh/trim yes", "nofdotr compute yes"):
        found = static(CORNER, [*pair, f"pair_modify {options}"], tmp_path)
        assert found.energy == expected.energy
        assert found.virial == pytest.approx(expected.virial, rel=1e-14)
    assert static(CORNER, [*pair, "pair_modify compute no"], tmp_path).energy == 0


def test_pair_modify_meant_for_another_style(potentials, tmp_path):
    pair = [
        "pair_style hybrid/overlay ufp 3 lj/cut 5.0",
        f"pair_coeff * * ufp {potentials}/T.uf3 Li",
        "pair_coeff * * lj/cut 0.01 2.0",
    ]
    static(CORNER, [*pair, "pair_modify pair lj/cut tail yes"], tmp_path, centroid=False)
    with instance(tmp_path) as lmp, pytest.raises(Exception, match=r"meant for \(pair_modify pair STYLE tail"):
        lmp.commands_list(commands(CORNER, [*pair, "pair_modify tail yes"], tmp_path, centroid=False))


def test_plain_hybrid(potentials, tmp_path):
    """Li by ufp, everything with type 2 by lj/cut: the two apart added up."""
    x, types = [(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5), (3, 3, 1), (0, 0, 3)], np.array([1, 1, 1, 2, 2])
    both = [
        "pair_style hybrid ufp 3 lj/cut 5.0",
        f"pair_coeff * * ufp {potentials}/T.uf3 Li NULL",
        "pair_coeff * 2 lj/cut 0.01 2.0",
    ]
    rest = ["pair_style lj/cut 5.0", "pair_coeff * 2 0.01 2.0", "pair_coeff 1 1 0.0 2.0"]
    found = static(cluster(x, types), both, tmp_path, centroid=False)
    lithium = static(cluster(np.array(x)[types == 1]), ufp(potentials / "T.uf3", "Li"), tmp_path)
    other = static(cluster(x, types), rest, tmp_path, centroid=False)
    assert found.energy == pytest.approx(lithium.energy + other.energy, rel=1e-12)
    forces = other.forces.copy()
    forces[types == 1] += lithium.forces
    np.testing.assert_allclose(found.forces, forces, rtol=0, atol=1e-12)


def test_bonded_neighbours_left_out_are_reported(potentials, tmp_path):
    system = cluster([(0, 0, 0), (2, 0, 0)])
    data = [
        "bonded",
        "",
        "2 atoms",
        "1 atom types",
        "1 bonds",
        "1 bond types",
        "0 30 xlo xhi",
        "0 30 ylo yhi",
        "0 30 zlo zhi",
        "",
        "Masses",
        "",
        "1 30.0",
        "",
        "Atoms # bond",
        "",
        *(f"{i} 1 1 {x} {y} {z}" for i, (x, y, z) in enumerate(system.positions, 1)),
        "",
        "Bonds",
        "",
        "1 1 1 2",
    ]
    (tmp_path / "data.bonded").write_text("\n".join(data) + "\n")
    start = ["units metal", "atom_style bond", "atom_modify map array"]
    rest = ["read_data data.bonded", "bond_style zero", "bond_coeff *", *ufp(potentials / "T.uf3", "Li"), "run 0"]
    show = "print 'energy $(pe)'"
    left_out = launch([*start, *rest, show], tmp_path).stdout
    assert "WARNING: pair_style ufp: expected special_bonds lj/coul 1 1 1 for atoms with bonds" in left_out
    assert "energy 0\n" in left_out
    whole = launch([*start, "special_bonds lj/coul 1 1 1", *rest, show], tmp_path).stdout
    assert "expected special_bonds" not in whole
    assert "energy 0.16" in whole


# --- other ways to integrate ------------------------------------------------------------------------------------------


def test_respa_with_the_whole_style_on_one_level(packing):
    """Nothing on the inner level: velocity Verlet with the outer step."""
    positions = []
    packing.commands_list(["velocity all create 300 1", "fix 1 all nve", "timestep 0.001"])
    start = packing.gather_atoms("x", 1, 3), packing.gather_atoms("v", 1, 3)
    for style in ("verlet", "respa 2 2 bond 1 pair 2"):
        packing.scatter_atoms("x", 1, 3, start[0])
        packing.scatter_atoms("v", 1, 3, start[1])
        packing.commands_list([f"run_style {style}", "run 20"])
        positions.append(np.array(packing.gather_atoms("x", 1, 3)))
    assert np.abs(positions[0] - np.array(start[0])).max() > 0.01
    np.testing.assert_allclose(positions[1], positions[0], rtol=0, atol=1e-10)


def test_respa_levels_inside_the_style_are_refused(potentials, tmp_path):
    lines = running(CORNER, ufp(potentials / "T.uf3", "Li"), tmp_path)
    with instance(tmp_path) as lmp, pytest.raises(Exception, match="Pair style does not support rRESPA inner/middle"):
        lmp.commands_list([*lines, "run_style respa 2 2 inner 1 2.0 3.0 outer 2", "fix 1 all nve", "run 1"])


@pytest.mark.parametrize(
    "ensemble", ["nph aniso 0 0 0.2", "nph tri 0 0 0.2", "npt temp 300 300 0.1 aniso 1000 1000 0.2"]
)
def test_constant_pressure_conserves_its_energy(ensemble, packing):
    """Energy and P V work cancel only if the virial is the derivative of the energy."""
    packing.commands_list(["velocity all create 300 1", "change_box all triclinic", f"fix 1 all {ensemble}"])
    packing.commands_list(["timestep 0.0005", "thermo_style custom step etotal econserve vol", "run 0"])
    before = {key: packing.get_thermo(key) for key in ("etotal", "econserve", "vol")}
    packing.command("run 200")
    change = {key: packing.get_thermo(key) - value for key, value in before.items()}
    assert abs(change["vol"]) > 0.01 * before["vol"]
    assert abs(change["etotal"]) > 0.1
    assert abs(change["econserve"]) < 1e-3 * abs(change["etotal"])


def test_rerun_gives_the_energies_of_the_run(packing, tmp_path):
    dump = f"{tmp_path}/run.dump"
    packing.commands_list(["velocity all create 600 1", "fix 1 all nve", "timestep 0.001", "thermo 5"])
    packing.commands_list([f"dump r all custom 5 {dump} id type x y z", "dump_modify r format float %.17g", "run 20"])
    packing.commands_list(["undump r", f"rerun {dump} dump x y z"])
    text = (tmp_path / "log.test").read_text()
    tables = re.findall(r"^ +Step .*?\n(.*?)^Loop", text, re.M | re.S)[-2:]
    run, again = (np.array([line.split()[:2] for line in t.splitlines()], float) for t in tables)
    assert run[:, 0].tolist() == [0, 5, 10, 15, 20]
    np.testing.assert_allclose(again, run, rtol=1e-10)


# --- a system that changes --------------------------------------------------------------------------------------------


def test_atoms_created_and_deleted_between_runs(packing, potentials, tmp_path):
    pair = ufp(potentials / "R.uf3")
    packing.commands_list(["fix 1 all nve", "timestep 0.001", "run 5"])
    packing.commands_list(["group first id 1:6", "delete_atoms group first compress no", "run 0"])
    assert packing.get_natoms() == 18
    assert packing.get_thermo("pe") == pytest.approx(energy_from_scratch(packing, pair, tmp_path), rel=1e-12)
    packing.commands_list(["create_atoms 1 random 4 7 NULL overlap 1.5", "run 0"])
    assert packing.get_natoms() == 22
    assert packing.get_thermo("pe") == pytest.approx(energy_from_scratch(packing, pair, tmp_path), rel=1e-12)


def test_atoms_deposited_and_evaporated_during_a_run(potentials, tmp_path):
    pair = ufp(potentials / "R.uf3", "Li P S")
    start = ["units metal", "atom_modify map array", "region b block 0 20 0 20 0 20", "create_box 3 b", "mass * 30"]
    with instance(tmp_path) as lmp:
        lmp.commands_list([*start, "create_atoms 1 random 200 3 NULL overlap 2.2 maxtry 200", *pair])
        n = lmp.get_natoms()
        lmp.commands_list(
            ["timestep 0.0005", "fix d all deposit 8 3 2 5 region b near 1.8 attempt 500", "fix 1 all nve"]
        )
        lmp.commands_list(["run 20", "run 0"])
        assert lmp.get_natoms() == n + 8
        assert lmp.get_thermo("pe") == pytest.approx(energy_from_scratch(lmp, pair, tmp_path), rel=1e-12)
        lmp.commands_list(["unfix d", "fix e all evaporate 2 3 b 11", "run 20", "unfix e", "run 0"])
        assert n - 30 <= lmp.get_natoms() < n
        assert lmp.get_thermo("pe") == pytest.approx(energy_from_scratch(lmp, pair, tmp_path), rel=1e-12)


def test_atoms_change_on_two_ranks(potentials, cell384, tmp_path):
    """The same energy after deletion, deposition and evaporation as from the data file written then."""
    pair = ufp(potentials / "R.uf3")
    lines = [*running(cell384, pair, tmp_path), "region r block 0 19 0 19 0 19 units box"]
    lines += ["fix 1 all nve", "timestep 0.0005", "fix e all evaporate 2 3 r 11", "run 10", "unfix e"]
    lines += ["delete_atoms random count 9 yes all NULL 5", "fix d all deposit 4 3 2 5 region r near 0.5", "run 10"]
    lines += ["unfix d", "run 0", "write_data data.now nocoeff", "print 'energy $(pe:%.17g) $(atoms)'", "clear"]
    lines += ["units metal", "atom_modify map array", "read_data data.now", *pair, "run 0"]
    lines += ["print 'energy $(pe:%.17g) $(atoms)'"]
    done = launch(lines, tmp_path, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    found, again = re.findall(r"^energy (\S+) (\d+)", done.stdout, re.M)
    assert 384 - 15 - 9 < int(found[1]) < 384 - 9 + 4
    assert found[1] == again[1]
    assert float(found[0]) == pytest.approx(float(again[0]), rel=1e-12)


def test_change_of_the_box(potentials, cell24, tmp_path):
    pair = ufp(potentials / "R.uf3")
    scale = np.array([[1.1, 0, 0], [0, 0.95, 0], [0.2, -0.1, 1.05]])
    deformed = replace(cell24, positions=cell24.positions @ scale, cell=cell24.cell @ scale)
    expected = static(deformed, pair, tmp_path)
    (lx, _, _), (_, ly, _), (xz, yz, lz) = deformed.cell.tolist()
    edges = f"x final 0 {lx!r} y final 0 {ly!r} z final 0 {lz!r} xz final {xz!r} yz final {yz!r}"
    with instance(tmp_path) as lmp:
        lmp.commands_list(running(cell24, pair, tmp_path))
        lmp.commands_list(["change_box all triclinic", f"change_box all {edges} remap units box", "run 0"])
        assert lmp.get_thermo("pe") == pytest.approx(expected.energy, rel=1e-12)
        assert np.array(lmp.gather_atoms("f", 1, 3)) == pytest.approx(expected.forces.ravel(), rel=0, abs=1e-10)


def test_info(potentials, tmp_path):
    lines = running(CORNER, ufp(potentials / "T.uf3", "Li"), tmp_path)
    with instance(tmp_path) as lmp:
        lmp.commands_list([*lines, "info all out append " + str(tmp_path / "info.txt")])
    text = (tmp_path / "info.txt").read_text()
    assert re.search(r"Atoms += +3, +types += +1, +style += ufp", text)


# --- several worlds ---------------------------------------------------------------------------------------------------


def test_two_worlds(potentials, tmp_path):
    """Each partition reads its own file on its own rank 0."""
    (tmp_path / "1").mkdir()
    lines = commands(CORNER, ["pair_style ufp", f"pair_coeff * * {potentials}/${{file}} Li"], tmp_path)
    lines = [line.replace(str(tmp_path / "global.test"), str(tmp_path / "global.${file}")) for line in lines]
    lines = [line.replace("dump.test", "dump.${file}") for line in lines]
    done = launch(["variable file world T.uf3 R.uf3", *lines], tmp_path, 2, arguments=["-partition", "2x1"])
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("T.uf3", "R.uf3"):
        expected = static(CORNER, ufp(potentials / name, "Li"), tmp_path).energy
        found = float((tmp_path / f"global.{name}").read_text().split()[0])
        assert found == pytest.approx(expected, rel=1e-12)


def test_nudged_elastic_band(potentials, tmp_path):
    """One atom passes between two fixed ones; by symmetry the middle of the three images is the saddle point."""
    fixed = [(0, 1.8, 0), (0, -1.8, 0)]
    ends = [[(x, 0, 0), *fixed] for x in (-1.5, 0, 1.5)]
    saddle = static(cluster(ends[1]), ufp(potentials / "T.uf3", "Li"), tmp_path).energy
    (tmp_path / "final").write_text("1\n1 11.5 10 10\n")
    lines = running(cluster(ends[0]), ufp(potentials / "T.uf3", "Li"), tmp_path)
    lines = [line for line in lines if not line.startswith("print")]
    lines += ["group fixed id 2 3", "group moving id 1", "fix f fixed setforce 0 0 0", "fix y moving setforce NULL 0 0"]
    lines += ["fix n all neb 1.0", "min_style quickmin", "timestep 0.01", "neb 0 1e-6 20 20 10 final final"]
    done = launch(lines, tmp_path, 3, arguments=["-partition", "3x1", "-log", "log.neb"])
    assert done.returncode == 0, done.stdout + done.stderr
    header, *_, last = re.findall(r"^ +(?:Step|\d).*", (tmp_path / "log.neb").read_text(), re.M)
    values = dict(zip(header.split(), map(float, last.split()), strict=True))
    assert values["PE2"] == pytest.approx(saddle, rel=1e-7)
    assert values["EBF"] == pytest.approx(saddle - values["PE1"], rel=1e-6)
    assert values["EBF"] > 0.1
