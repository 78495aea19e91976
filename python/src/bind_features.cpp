// What multiplies the coefficients of a potential, for one structure or for the tiles of a regression.
#include "bindings.hpp"
#include "parallel_loop.hpp"

#include "ufp/error.hpp"
#include "ufp/uf3_features.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace py = pybind11;

namespace
{

using Index = std::size_t;
using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Species = py::array_t<int, py::array::c_style | py::array::forcecast>;
using Rows = py::array_t<double, py::array::c_style>;  // written in place, so never converted

struct Input {
  Species species;
  Array positions, cell;
  std::array<bool, 3> periodic;
};

Index atoms_of(const Input &input)
{
  return static_cast<Index>(input.species.shape(0));
}

Input checked(const py::tuple &structure, int last)
{
  Input out{structure[0].cast<Species>(), structure[1].cast<Array>(), structure[2].cast<Array>(),
            structure[3].cast<std::array<bool, 3>>()};
  if (out.positions.ndim() != 2 || out.positions.shape(1) != 3 || out.cell.size() != 9 || out.species.ndim() != 1 ||
      out.species.shape(0) != out.positions.shape(0))
    throw py::value_error("expected species (N,), positions (N, 3) and cell (3, 3)");
  for (py::ssize_t i = 0; i < out.species.shape(0); ++i)
    if (out.species.data()[i] < 0 || out.species.data()[i] >= last) throw py::index_error("species out of range");
  return out;
}

ufp::FeatureStructure structure_of(const Input &input, const ufp::Uf3Features &features)
{
  std::array<double, 9> rows{};
  std::copy(input.cell.data(), input.cell.data() + 9, rows.begin());
  return ufp::FeatureStructure(input.species.data(), input.positions.data(), atoms_of(input), rows, input.periodic,
                               features.pair_cutoff(), features.leg_cutoff());
}

// Neighbours of all structures, then every block of every structure, in parallel. An exception ends the loop.
void fill_all(const ufp::Uf3Features &features, const std::vector<Input> &inputs,
              const std::vector<ufp::FeatureRows> &rows, int threads)
{
  const Index blocks = features.blocks(), count = inputs.size();
  std::vector<std::unique_ptr<ufp::FeatureStructure>> structures(count);
  parallel_loop(count, team_size(threads), [&] {
    return [&](std::size_t s) {
      structures[s] = std::make_unique<ufp::FeatureStructure>(structure_of(inputs[s], features));
    };
  });
  // largest terms first: they come last in the list of blocks
  parallel_loop(blocks * count, team_size(threads), [&] {
    return [&, scratch = ufp::FeatureScratch()](std::size_t task) mutable {
      const Index s = task / blocks;
      features.fill(blocks - 1 - task % blocks, *structures[s], rows[s], scratch);
    };
  });
}

void check_rows(const Rows &rows, Index count, Index width, const char *name)
{
  if (rows.ndim() != 2 || static_cast<Index>(rows.shape(0)) != count || static_cast<Index>(rows.shape(1)) != width)
    throw py::value_error(std::string(name) + ": expected an array of " + std::to_string(count) + " x " +
                          std::to_string(width));
}

// (energy (P,), forces (N, 3, P), virial (6, P)) of one structure.
py::tuple one(const ufp::Uf3Features &features, const py::tuple &structure, int threads)
{
  const std::vector<Input> input{checked(structure, features.species())};
  const Index n = atoms_of(input[0]), columns = features.columns();
  const auto length = static_cast<py::ssize_t>(columns);
  py::array_t<double> energy(length), forces({static_cast<py::ssize_t>(n), py::ssize_t{3}, length}),
      virial({py::ssize_t{6}, length});
  std::fill_n(energy.mutable_data(), columns, 0.0);
  std::fill_n(forces.mutable_data(), 3 * n * columns, 0.0);
  std::fill_n(virial.mutable_data(), 6 * columns, 0.0);
  std::vector<ufp::FeatureRows> rows(1);
  rows[0].energy = energy.mutable_data();
  rows[0].virial = virial.mutable_data();
  for (Index i = 0; i < n; ++i) rows[0].forces.push_back(forces.mutable_data() + 3 * i * columns);
  const Index species = static_cast<Index>(features.species());
  rows[0].width.assign(species, columns);
  std::vector<std::ptrdiff_t> start;
  for (Index b = 0; b < features.blocks(); ++b) start.push_back(static_cast<std::ptrdiff_t>(features.start(b)));
  rows[0].start.assign(species, start);
  {
    const py::gil_scoped_release released;
    fill_all(features, input, rows, threads);
  }
  return py::make_tuple(energy, forces, virial);
}

// Columns that force rows of a species can have, as [block] -> place, and their number.
std::pair<std::vector<std::ptrdiff_t>, Index> force_columns(const ufp::Uf3Features &features, int species)
{
  std::pair<std::vector<std::ptrdiff_t>, Index> out{{}, 0};
  for (Index b = 0; b < features.blocks(); ++b) {
    const bool used = features.touches(b, species);
    out.first.push_back(used ? static_cast<std::ptrdiff_t>(out.second) : -1);
    const Index end = b + 1 < features.blocks() ? features.start(b + 1) : features.columns();
    if (used) out.second += end - features.start(b);
  }
  return out;
}

// Rows of several structures. energy (S, P), virial (6 S, P), forces: for each species its atoms' rows in the order of
// the structures, with the columns of force_columns only. All arrays must be zero.
void tiles(const ufp::Uf3Features &features, const std::vector<py::tuple> &structures, Rows energy, Rows virial,
           std::vector<Rows> forces, int threads)
{
  const Index count = structures.size(), columns = features.columns(), species = static_cast<Index>(features.species());
  std::vector<Input> inputs;
  for (const py::tuple &structure : structures) inputs.push_back(checked(structure, features.species()));
  check_rows(energy, count, columns, "energy");
  check_rows(virial, 6 * count, columns, "virial");
  if (forces.size() != species) throw py::value_error("expected one array of force rows for each species");
  ufp::FeatureRows layout;
  std::vector<Index> rows_of(species, 0);
  for (Index s = 0; s < species; ++s) {
    auto [start, width] = force_columns(features, static_cast<int>(s));
    layout.start.push_back(std::move(start));
    layout.width.push_back(width);
  }
  std::vector<ufp::FeatureRows> rows(count, layout);
  for (Index k = 0; k < count; ++k) {
    rows[k].energy = energy.mutable_data() + k * columns;
    rows[k].virial = virial.mutable_data() + 6 * k * columns;
    for (Index i = 0; i < atoms_of(inputs[k]); ++i) {
      const Index s = static_cast<Index>(inputs[k].species.data()[i]);
      rows[k].forces.push_back(forces[s].mutable_data() + layout.width[s] * rows_of[s]);
      rows_of[s] += 3;
    }
  }
  for (Index s = 0; s < species; ++s) check_rows(forces[s], rows_of[s], layout.width[s], "forces");
  const py::gil_scoped_release released;
  fill_all(features, inputs, rows, threads);
}

}  // namespace

void bind_features(py::module_ &m)
{
  using PairInput = std::tuple<std::array<int, 2>, std::vector<double>, double, std::vector<int>>;
  using TripletInput =
      std::tuple<std::array<int, 3>, std::array<std::vector<double>, 3>, std::array<double, 3>, std::vector<int>>;
  py::class_<ufp::Uf3Features>(m, "Uf3Features")
      .def(py::init([](int species, const std::vector<PairInput> &pairs, const std::vector<TripletInput> &triplets) {
             std::vector<ufp::PairFeatures> p;
             std::vector<ufp::TripletFeatures> t;
             for (const auto &[s, knots, cutoff, column] : pairs) p.push_back({s, knots, cutoff, column});
             for (const auto &[s, knots, cutoff, column] : triplets) t.push_back({s, knots, cutoff, column});
             return ufp::Uf3Features(species, p, t);
           }),
           py::arg("species"), py::arg("pairs"), py::arg("triplets"))
      .def_property_readonly("n_columns", &ufp::Uf3Features::columns)
      .def_property_readonly("pair_cutoff", &ufp::Uf3Features::pair_cutoff)
      .def_property_readonly("leg_cutoff", &ufp::Uf3Features::leg_cutoff)
      .def("touches", &ufp::Uf3Features::touches, py::arg("block"), py::arg("species"))
      .def("one", &one, py::arg("structure"), py::arg("threads") = 0)
      .def("tiles", &tiles, py::arg("structures"), py::arg("energy").noconvert(), py::arg("virial").noconvert(),
           py::arg("forces").noconvert(), py::arg("threads") = 0);
}
