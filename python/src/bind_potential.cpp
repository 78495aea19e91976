// UF3 potentials: the file as a value, and its evaluation for a whole structure.
#include "bindings.hpp"
#include "team_size.hpp"

#include "ufp/cell_list.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_evaluate.hpp"
#include "ufp/uf3_potential.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace py = pybind11;

namespace
{

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Species = py::array_t<int, py::array::c_style | py::array::forcecast>;

constexpr std::size_t centre_end = static_cast<std::size_t>(-1);

// What one thread adds up, and the closest contact below a first knot it met.
struct Partial {
  double energy = 0.0;
  std::array<double, 6> virial{};
  std::vector<double> forces, energies;
  ufp::Uf3Scratch scratch;
  std::vector<double> local_force, local_energy;  // of one centre and its neighbours
  double closest_short = std::numeric_limits<double>::infinity();
  std::size_t short_i = 0, short_j = 0;
  std::size_t coincident_i = centre_end, coincident_j = 0;
  long short_pairs = 0, clamped_triplets = 0;
};

struct Structure {
  std::size_t n;
  const int *species;
  const ufp::CellList &list;
  ufp::Simd simd;
};

void add_centre(const ufp::Uf3Model &model, const Structure &structure, std::size_t i,
                std::vector<ufp::Neighbor> &found, ufp::NeighborhoodBuffer &buffer, Partial &sum)
{
  structure.list.neighbors(i, found);
  buffer.clear();
  for (const auto &neighbor : found)
    buffer.add(structure.species[neighbor.index], neighbor.displacement[0], neighbor.displacement[1],
               neighbor.displacement[2]);
  auto &scratch = sum.scratch;
  scratch.reserve(model, buffer.count());
  scratch.reset();
  sum.local_force.assign(3 * (found.size() + 1), 0.0);
  sum.local_energy.assign(found.size() + 1, 0.0);
  ufp::Uf3Sums sums;
  sums.force = sum.local_force.data();
  sums.atom_energy = sum.local_energy.data();
  ufp::evaluate(model, buffer.view(structure.species[i], static_cast<int>(model.elements().size())), scratch, sums,
                ufp::Detail::per_atom, structure.simd);
  const auto atom = [&](std::size_t local) {
    return local == 0 ? i : static_cast<std::size_t>(found[local - 1].index);
  };
  for (std::size_t k = 0; k <= found.size(); ++k) {
    for (std::size_t d = 0; d < 3; ++d) sum.forces[3 * atom(k) + d] += sum.local_force[3 * k + d];
    sum.energies[atom(k)] += sum.local_energy[k];
  }
  sum.energy += sums.energy;
  for (std::size_t c = 0; c < 6; ++c) sum.virial[c] += sums.virial[c];
  const ufp::DomainEvents &events = scratch.events;
  sum.short_pairs += events.short_pairs;
  sum.clamped_triplets += events.clamped_triplets;
  if (events.coincident_j >= 0) {
    sum.coincident_i = i;
    sum.coincident_j = atom(static_cast<std::size_t>(events.coincident_j));
  }
  if (events.shortest < sum.closest_short) {
    sum.closest_short = events.shortest;
    sum.short_i = i;
    sum.short_j = atom(static_cast<std::size_t>(events.short_j));
  }
}

py::dict evaluate(const ufp::Uf3Model &model, const Species &species, const Array &positions, const Array &cell,
                  const std::array<bool, 3> &periodic, int threads)
{
  const ufp::Simd simd = ufp::simd_from_environment();
  if (positions.ndim() != 2 || positions.shape(1) != 3 || cell.size() != 9 || species.ndim() != 1 ||
      species.shape(0) != positions.shape(0))
    throw py::value_error("expected species (N,), positions (N, 3) and cell (3, 3)");
  const auto n = static_cast<std::size_t>(positions.shape(0));
  const int last = static_cast<int>(model.elements().size());
  for (std::size_t i = 0; i < n; ++i)
    if (species.data()[i] < 0 || species.data()[i] >= last) throw py::index_error("species out of range");
  std::array<double, 9> rows{};
  std::copy(cell.data(), cell.data() + 9, rows.begin());

  const auto team = static_cast<std::size_t>(std::max(1, team_size(threads)));
  std::vector<Partial> partial(team);
  py::array_t<double> forces({positions.shape(0), py::ssize_t{3}}), energies(positions.shape(0));
  std::fill_n(forces.mutable_data(), 3 * n, 0.0);
  std::fill_n(energies.mutable_data(), n, 0.0);
  double *force = forces.mutable_data(), *share = energies.mutable_data();
  double energy = 0.0;
  std::array<double, 6> virial{};
  long short_pairs = 0, clamped = 0;
  Partial worst;
  {
    const py::gil_scoped_release released;
    const ufp::CellList list(positions.data(), n, rows, periodic, model.cutoff());
    const Structure structure{n, species.data(), list, simd};
    // one slice of atoms per thread, added in order: the result depends on the number of threads only
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 1) num_threads(static_cast<int>(team))
#endif
    for (std::size_t t = 0; t < team; ++t) {
      Partial &sum = partial[t];
      sum.forces.assign(3 * n, 0.0);
      sum.energies.assign(n, 0.0);
      std::vector<ufp::Neighbor> found;
      ufp::NeighborhoodBuffer buffer;
      for (std::size_t i = n * t / team; i < n * (t + 1) / team; ++i)
        add_centre(model, structure, i, found, buffer, sum);
    }
    for (const auto &sum : partial) {
      energy += sum.energy;
      for (std::size_t c = 0; c < 6; ++c) virial[c] += sum.virial[c];
      for (std::size_t k = 0; k < 3 * n; ++k) force[k] += sum.forces[k];
      for (std::size_t k = 0; k < n; ++k) share[k] += sum.energies[k];
      short_pairs += sum.short_pairs;
      clamped += sum.clamped_triplets;
      if (sum.coincident_i != centre_end) {
        worst.coincident_i = sum.coincident_i;
        worst.coincident_j = sum.coincident_j;
      }
      if (sum.closest_short < worst.closest_short) {
        worst.closest_short = sum.closest_short;
        worst.short_i = sum.short_i;
        worst.short_j = sum.short_j;
      }
    }
  }
  if (worst.coincident_i != centre_end)
    throw ufp::DomainError("atoms " + std::to_string(worst.coincident_i) + " and " +
                           std::to_string(worst.coincident_j) + " are on one point");
  py::dict out;
  out["energy"] = energy;
  out["forces"] = forces;
  out["energies"] = energies;
  out["virial"] = virial;
  out["short_contacts"] = short_pairs / 2;
  out["clamped_triplets"] = clamped;
  out["closest"] = short_pairs ? py::object(py::make_tuple(worst.short_i, worst.short_j, worst.closest_short))
                               : py::object(py::none());
  return out;
}

py::tuple pair_curve(const ufp::Uf3Model &model, int a, int b, const Array &distance)
{
  const int last = static_cast<int>(model.elements().size());
  if (std::min(a, b) < 0 || std::max(a, b) >= last) throw py::index_error("species out of range");
  py::array_t<double> value(distance.size()), slope(distance.size());
  for (py::ssize_t k = 0; k < distance.size(); ++k)
    value.mutable_data()[k] = model.pair(a, b, distance.data()[k], slope.mutable_data()[k]);
  return py::make_tuple(value, slope);
}

}  // namespace

void bind_potential(py::module_ &m)
{
  py::enum_<ufp::KnotKind>(m, "KnotKind").value("uk", ufp::KnotKind::uniform).value("nk", ufp::KnotKind::nonuniform);
  py::class_<ufp::Uf3PairBlock>(m, "Uf3PairBlock")
      .def(py::init<>())
      .def_readwrite("elements", &ufp::Uf3PairBlock::elements)
      .def_readwrite("lead", &ufp::Uf3PairBlock::lead)
      .def_readwrite("trail", &ufp::Uf3PairBlock::trail)
      .def_readwrite("kind", &ufp::Uf3PairBlock::kind)
      .def_readwrite("cutoff", &ufp::Uf3PairBlock::cutoff)
      .def_readwrite("knots", &ufp::Uf3PairBlock::knots)
      .def_readwrite("coefficients", &ufp::Uf3PairBlock::coefficients);
  py::class_<ufp::Uf3TripletBlock>(m, "Uf3TripletBlock")
      .def(py::init<>())
      .def_readwrite("elements", &ufp::Uf3TripletBlock::elements)
      .def_readwrite("lead", &ufp::Uf3TripletBlock::lead)
      .def_readwrite("trail", &ufp::Uf3TripletBlock::trail)
      .def_readwrite("kind", &ufp::Uf3TripletBlock::kind)
      .def_readwrite("cutoff", &ufp::Uf3TripletBlock::cutoff)
      .def_readwrite("knots", &ufp::Uf3TripletBlock::knots)
      .def_readwrite("coefficients", &ufp::Uf3TripletBlock::coefficients);
  py::class_<ufp::Uf3Potential>(m, "Uf3Potential")
      .def(py::init<>())
      .def_readwrite("pairs", &ufp::Uf3Potential::pairs)
      .def_readwrite("triplets", &ufp::Uf3Potential::triplets)
      .def_readwrite("onebody", &ufp::Uf3Potential::onebody)
      .def_readwrite("date", &ufp::Uf3Potential::date)
      .def_readwrite("author", &ufp::Uf3Potential::author)
      .def_readwrite("citation", &ufp::Uf3Potential::citation)
      .def_readwrite("records", &ufp::Uf3Potential::records)
      .def_property_readonly("elements", &ufp::Uf3Potential::elements);
  m.def("parse_uf3", &ufp::parse_uf3, py::arg("text"), py::arg("filename"),
        py::arg("elements") = std::vector<std::string>{}, "Parse the text of a .uf3 file.");
  m.def("validate_uf3", &ufp::validate, py::arg("potential"), py::arg("label"),
        "Refuse what a .uf3 file may not hold; symmetrise in place.");
  m.def(
      "simd_available",
      [] {
        std::vector<std::string> names;
        for (const ufp::Simd path : ufp::simd_available()) names.emplace_back(ufp::simd_name(path));
        return names;
      },
      "Instruction sets of this build that the processor offers, the fastest last.");
  m.def(
      "write_uf3",
      [](const ufp::Uf3Potential &potential, bool allow_unloadable) {
        ufp::Uf3WriteOptions options;
        options.allow_unloadable = allow_unloadable;
        return ufp::write_uf3(potential, options);
      },
      py::arg("potential"), py::arg("allow_unloadable") = false, "Text of the .uf3 file.");
  py::class_<ufp::Uf3Model>(m, "Uf3Model")
      .def(py::init([](const ufp::Uf3Potential &potential, const std::vector<std::string> &elements, int degree,
                       bool onebody, bool missing_triplets_zero) {
             ufp::Uf3ModelOptions options;
             options.degree = degree;
             options.onebody = onebody;
             options.missing_triplets_zero = missing_triplets_zero;
             return ufp::Uf3Model(potential, elements, options);
           }),
           py::arg("potential"), py::arg("elements"), py::arg("degree"), py::arg("onebody"),
           py::arg("missing_triplets_zero"))
      .def_property_readonly("notes", &ufp::Uf3Model::notes)
      .def_property_readonly("table_bytes", &ufp::Uf3Model::bytes)
      .def("first_knot", &ufp::Uf3Model::first_knot)
      .def("pair", &pair_curve, py::arg("a"), py::arg("b"), py::arg("distance"))
      .def("evaluate", &evaluate, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("periodic"),
           py::arg("threads") = 0);
}
