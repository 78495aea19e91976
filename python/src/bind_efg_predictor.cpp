// Field gradient tensors of one structure or of many frames.
#include "ufp/efg_predictor.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "parallel_loop.hpp"
#include "structure_input.hpp"
#include "ufp/efg_check.hpp"

namespace py = pybind11;

namespace
{

using ufp::EfgPredictor;
using ufp::Precision;
using Periodic = std::array<bool, 3>;

Precision precision_of(const std::string &name)
{
  if (name == "single") return Precision::single;
  if (name == "double") return Precision::full;
  throw ufp::DomainError("expected the precision single or double, found " + name);
}

// A predictor and whether its weights came with an axis of members.
struct BoundPredictor {
  EfgPredictor predictor;
  bool committee;
  std::string warning;
};

using CheckInput = std::tuple<std::vector<int>, Doubles, std::array<double, 6>>;

std::vector<ufp::EfgCheck> checks_of(const std::vector<CheckInput> &inputs, int species_count)
{
  std::vector<ufp::EfgCheck> checks;
  for (const auto &[species, positions, expected] : inputs) {
    if (species.empty() || positions.ndim() != 2 || positions.shape(1) != 3 ||
        static_cast<std::size_t>(positions.shape(0)) != species.size())
      throw ufp::DomainError("expected check environments of (species, positions (n, 3), tensor), found " +
                             std::to_string(species.size()) + " species and positions " + shape_of(positions));
    for (const int a : species)
      if (a < 0 || a >= species_count)
        throw ufp::DomainError("expected species from 0 to " + std::to_string(species_count - 1) + ", found " +
                               std::to_string(a) + " in a check environment");
    checks.push_back({species, {positions.data(), positions.data() + positions.size()}, expected, 0, {}, {}});
  }
  return checks;
}

BoundPredictor make(const ufp::LambdaSoapSpec &spec, const Integers &features, const Integers &invariants,
                    const Doubles &weights, int zeta, const std::optional<Doubles> &active,
                    const std::string &precision, const std::string &simd, const std::vector<CheckInput> &checks,
                    double scale)
{
  if (weights.ndim() != 2 && weights.ndim() != 3)
    throw ufp::DomainError("expected weights of shape (rows, features) or (members, rows, features), found " +
                           shape_of(weights));
  ufp::EfgModelArrays model;
  model.spec = spec;
  model.features = feature_rows(features);
  model.invariants = feature_rows(invariants);
  model.zeta = zeta;
  const bool committee = weights.ndim() == 3;
  const py::ssize_t members = committee ? weights.shape(0) : 1, size = members > 0 ? weights.size() / members : 0;
  for (py::ssize_t k = 0; k < members; ++k)
    model.members.emplace_back(weights.data() + k * size, weights.data() + (k + 1) * size);
  if (weights.shape(weights.ndim() - 1) != features.shape(0))
    throw ufp::DomainError("expected weights of " + std::to_string(features.shape(0)) + " features, found shape " +
                           shape_of(weights));
  if (active) {
    if (active->ndim() != 2 || active->shape(1) != invariants.shape(0))
      throw ufp::DomainError("expected active environments of shape (M, " + std::to_string(invariants.shape(0)) +
                             "), found " + shape_of(*active));
    const auto rows = static_cast<std::size_t>(active->shape(0)), columns = static_cast<std::size_t>(active->shape(1));
    model.active_count = rows;
    model.active.resize(rows * columns);
    for (std::size_t j = 0; j < rows; ++j)
      for (std::size_t q = 0; q < columns; ++q) model.active[q * rows + j] = active->data()[j * columns + q];
  }
  const Precision wanted = precision_of(precision);
  const ufp::Simd path = ufp::simd_from_name(simd);
  if (checks.empty()) return {EfgPredictor(model, wanted, path), committee, {}};
  std::string warning;
  EfgPredictor predictor = ufp::checked_predictor(model, wanted, path, checks_of(checks, spec.species), scale, warning);
  return {std::move(predictor), committee, std::move(warning)};
}

struct Frames {
  std::vector<StructureInput> frames;
  std::size_t centres;
  double *out;  // (members, frames, centres, 6)
};

// One frame: its batches in parallel. Several: frames in parallel. An exception ends the loop.
void predict_all(const EfgPredictor &predictor, const Frames &input, int threads)
{
  const std::size_t count = input.frames.size(), batch = predictor.batch();
  const std::size_t chunks = count == 1 ? (input.centres + batch - 1) / batch : 1;
  const std::size_t stride = 6 * count * input.centres;
  const ufp::LambdaSoapSpec &spec = predictor.spec();
  ufp::ImageList shared;
  if (count == 1) shared.build(input.frames[0].atoms, spec.species, spec.cutoff);
  parallel_loop(count * chunks, team_size(threads), [&] {
    return [&, own = ufp::ImageList(), buffer = ufp::EnvironmentBuffer(),
            scratch = predictor.scratch()](std::size_t task) mutable {
      const StructureInput &frame = input.frames[task / chunks];
      const std::size_t begin = chunks > 1 ? task * batch : 0;
      const std::size_t end = chunks > 1 ? std::min(begin + batch, input.centres) : input.centres;
      if (count > 1) own.build(frame.atoms, spec.species, spec.cutoff);
      ufp::predict_centres(predictor, count > 1 ? own : shared, frame.centres.data() + begin, end - begin, buffer,
                           scratch, input.out + 6 * ((task / chunks) * input.centres + begin), stride);
    };
  });
}

py::array_t<double> predict(const BoundPredictor &self, const Integers &species, const Doubles &positions,
                            const Doubles &cells, const Periodic &periodic, const Integers &centres, int threads)
{
  const bool series = positions.ndim() == 3;
  if (cells.ndim() != positions.ndim() || (series && cells.shape(0) != positions.shape(0)))
    throw ufp::DomainError("expected one cell for each frame, found positions " + shape_of(positions) + " and cells " +
                           shape_of(cells));
  const py::ssize_t count = series ? positions.shape(0) : 1;
  const auto frame_of = [series](const Doubles &all, py::ssize_t k) {
    if (!series) return all;
    return Doubles({all.shape(1), all.shape(2)}, all.data() + k * all.shape(1) * all.shape(2), all);
  };
  std::vector<Doubles> views;  // what the frames point into
  Frames input{{}, static_cast<std::size_t>(centres.size()), nullptr};
  for (py::ssize_t k = 0; k < count; ++k) {
    views.push_back(frame_of(positions, k));
    input.frames.emplace_back(species, views.back(), frame_of(cells, k), periodic, centres,
                              self.predictor.spec().species);
  }
  std::vector<py::ssize_t> shape{centres.size(), 6};
  if (series) shape.insert(shape.begin(), count);
  if (self.committee) shape.insert(shape.begin(), static_cast<py::ssize_t>(self.predictor.members()));
  py::array_t<double> out(shape);
  input.out = out.mutable_data();
  if (count > 0 && centres.size() > 0) {
    const py::gil_scoped_release released;
    predict_all(self.predictor, input, threads);
  }
  return out;
}

}  // namespace

void bind_efg_predictor(py::module_ &m)
{
  py::class_<BoundPredictor>(m, "EFGPredictor")
      .def(py::init(&make), py::arg("spec"), py::arg("features"), py::arg("invariants"), py::arg("weights"),
           py::arg("zeta") = 2, py::arg("active") = py::none(), py::arg("precision") = "single",
           py::arg("simd") = "auto", py::arg("checks") = std::vector<CheckInput>{}, py::arg("scale") = 0.0,
           "features (Q2, 4) and invariants (Q0, 4), rows l1 l2 q1 q2 of rank 2 and 0. weights, for the weighted and\n"
           "unnormalised P² and P⁰ of norm 1: zeta 2 B (Q0, Q2); with active P⁰ (M, Q0) U (M, Q2); zeta 1 (1, Q2);\n"
           "a committee has an axis of members in front. They carry the unit of the tensors. checks: (species, "
           "positions, tensor) of\n"
           "atoms in free space, the first one the centre, with the tensor (6,) that it must have; scale is the rms\n"
           "label. Where single precision fails them double is used, and `warning` says so.")
      .def_readonly("warning", &BoundPredictor::warning)
      .def_property_readonly("precision",
                             [](const BoundPredictor &self) {
                               return self.predictor.precision() == Precision::single ? "single" : "double";
                             })
      .def_property_readonly("simd", [](const BoundPredictor &self) { return ufp::simd_name(self.predictor.simd()); })
      .def_property_readonly("batch", [](const BoundPredictor &self) { return self.predictor.batch(); })
      .def(
          "predict", &predict, py::arg("species"), py::arg("positions"), py::arg("cells"), py::arg("periodic"),
          py::arg("centres"), py::arg("threads") = 0,
          "Tensors (centres, 6) xx yy zz xy xz yz of a structure, or (frames, centres, 6) of positions (frames, N, 3)\n"
          "and cells (frames, 3, 3); a committee has an axis of members in front.");
}
