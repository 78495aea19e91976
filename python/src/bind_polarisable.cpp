// The polarisable model of field gradients: columns of a structure, tensors of many frames.
#include "ufp/polarisable.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "bindings.hpp"
#include "parallel_loop.hpp"
#include "structure_input.hpp"

namespace py = pybind11;

namespace
{

using ufp::PolarisableModel;
using ufp::PolarisableSpec;
using Bond = std::tuple<int, int, double, double>;

constexpr std::array<bool, 3> everywhere{true, true, true};

ufp::Cell cell_of(const double *cell)
{
  ufp::Cell out{};
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t a = 0; a < 3; ++a) out[d][a] = cell[3 * d + a];
  return out;
}

PolarisableSpec make(const std::vector<Bond> &bonds, const std::vector<double> &charges, double first, double cutoff,
                     int splines, double tolerance, int surroundings, double kernel_cutoff,
                     const ufp::PairInvariants &kernel_scale, const std::vector<int> &reference_kind,
                     const std::vector<ufp::PairInvariants> &references)
{
  PolarisableSpec spec{{},      charges,   first,        cutoff,
                       splines, tolerance, surroundings, {kernel_scale, reference_kind, references, kernel_cutoff}};
  for (const auto &[centre, ligand, reach, length] : bonds) spec.bonds.push_back({centre, ligand, reach, length});
  PolarisableModel{spec};  // refuses one that means nothing
  return spec;
}

ufp::PolarisableAtoms atoms_of(const StructureInput &input)
{
  return {cell_of(input.atoms.cell.data()), input.atoms.count, input.atoms.positions, input.atoms.species};
}

StructureInput structure(const PolarisableSpec &spec, const Integers &species, const Doubles &positions,
                         const Doubles &cell, const Integers &centres)
{
  return {species, positions, cell, everywhere, centres, static_cast<int>(spec.charges.size())};
}

py::array_t<double> columns(const PolarisableSpec &spec, const Integers &species, const Doubles &positions,
                            const Doubles &cell, const Integers &centres)
{
  const StructureInput input = structure(spec, species, positions, cell, centres);
  py::array_t<double> out({centres.size(), static_cast<py::ssize_t>(ufp::polarisable_columns(spec)), py::ssize_t{6}});
  double *const tensors = out.mutable_data();
  const py::gil_scoped_release release;
  PolarisableModel(spec).columns(atoms_of(input), input.centres.size(), input.centres.data(), tensors);
  return out;
}

py::tuple bonds(const PolarisableSpec &spec, const Integers &species, const Doubles &positions, const Doubles &cell)
{
  const StructureInput input = structure(spec, species, positions, cell, Integers(py::ssize_t{0}));
  std::size_t unbound = 0;
  const std::vector<ufp::LigandBond> found = PolarisableModel(spec).bonds(atoms_of(input), unbound);
  const auto count = static_cast<py::ssize_t>(found.size());
  py::array_t<py::ssize_t> members({count, py::ssize_t{3}});
  py::array_t<double> distance(count);
  for (py::ssize_t b = 0; b < count; ++b) {
    const ufp::LigandBond &bond = found[static_cast<std::size_t>(b)];
    members.mutable_at(b, 0) = static_cast<py::ssize_t>(bond.ligand);
    members.mutable_at(b, 1) = static_cast<py::ssize_t>(bond.centre);
    members.mutable_at(b, 2) = static_cast<py::ssize_t>(bond.kind);
    distance.mutable_at(b) = bond.distance;
  }
  return py::make_tuple(members, distance, unbound);
}

py::tuple pairs(const PolarisableSpec &spec, const Integers &species, const Doubles &positions, const Doubles &cell,
                const Integers &centres)
{
  const StructureInput input = structure(spec, species, positions, cell, centres);
  std::vector<ufp::BondedPair> found;
  {
    const py::gil_scoped_release release;
    found = PolarisableModel(spec).pairs(atoms_of(input), input.centres.size(), input.centres.data());
  }
  const auto count = static_cast<py::ssize_t>(found.size());
  py::array_t<py::ssize_t> kind(count);
  py::array_t<double> x({count, static_cast<py::ssize_t>(ufp::pair_invariants)});
  for (py::ssize_t k = 0; k < count; ++k) {
    const ufp::BondedPair &pair = found[static_cast<std::size_t>(k)];
    kind.mutable_at(k) = static_cast<py::ssize_t>(pair.kind);
    std::copy(pair.invariants.begin(), pair.invariants.end(), x.mutable_data(k, 0));
  }
  return py::make_tuple(kind, x);
}

// One frame, or several with an axis of frames in front.
py::array_t<double> predict(const PolarisableSpec &spec, const Integers &species, const Doubles &positions,
                            const Doubles &cell, const Integers &centres, const std::vector<double> &coefficients,
                            int threads)
{
  if (coefficients.size() != ufp::polarisable_columns(spec))
    throw ufp::DomainError("expected " + std::to_string(ufp::polarisable_columns(spec)) + " coefficients, found " +
                           std::to_string(coefficients.size()));
  const bool series = positions.ndim() == 3;
  const py::ssize_t frames = series ? positions.shape(0) : 1;
  if (cell.ndim() != positions.ndim() || cell.size() != 9 * frames)
    throw ufp::DomainError("expected for each frame a cell of shape (3, 3), found " + shape_of(cell));
  std::vector<StructureInput> inputs;
  for (py::ssize_t k = 0; k < frames; ++k) {
    const py::ssize_t atoms = positions.shape(positions.ndim() - 2);
    const Doubles x({atoms, positions.shape(positions.ndim() - 1)}, positions.data() + 3 * atoms * k, positions);
    const Doubles box({py::ssize_t{3}, py::ssize_t{3}}, cell.data() + 9 * k, cell);
    inputs.push_back(structure(spec, species, x, box, centres));
  }
  std::vector<py::ssize_t> shape{centres.size(), 6};
  if (series) shape.insert(shape.begin(), frames);
  py::array_t<double> out(shape);
  double *const tensors = out.mutable_data();
  const py::gil_scoped_release release;
  parallel_loop(inputs.size(), series ? team_size(threads) : 1, [&] {
    return [&, model = PolarisableModel(spec)](std::size_t k) mutable {
      const std::vector<std::size_t> &wanted = inputs[k].centres;
      model.predict(atoms_of(inputs[k]), wanted.size(), wanted.data(), coefficients.data(),
                    tensors + 6 * wanted.size() * k);
    };
  });
  return out;
}

}  // namespace

void bind_polarisable(py::module_ &m)
{
  py::class_<PolarisableSpec>(m, "PolarisableModel",
                              "Ions and polarisable molecules: columns of a linear model of field gradients, e/Å³.")
      .def(py::init(&make), py::arg("bonds"), py::arg("charges"), py::arg("first"), py::arg("cutoff"),
           py::arg("splines"), py::arg("tolerance"), py::arg("surroundings"), py::arg("kernel_cutoff"),
           py::arg("kernel_scale"), py::arg("reference_kind"), py::arg("references"),
           "bonds: (centre species, ligand species, cutoff Å, length Å); charges (species) e.")
      .def_property_readonly("size", &ufp::polarisable_columns)
      .def("columns", &columns, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("centres"),
           "(centres, columns, 6): xx yy zz xy xz yz, traceless, e/Å³ per unit of the coefficient.")
      .def("bonds", &bonds, py::arg("species"), py::arg("positions"), py::arg("cell"),
           "((B, 3): ligand, centre, kind), (B,) Å, and the number of ligands without a centre.")
      .def("pairs", &pairs, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("centres"),
           "(B,) kind of bond and (B, 8) invariants of each pair within the cutoff of the kernel.")
      .def("predict", &predict, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("centres"),
           py::arg("coefficients"), py::arg("threads") = 0,
           "(centres, 6) e/Å³; cells (frames, 3, 3) and positions (frames, atoms, 3) give (frames, centres, 6).");
}
