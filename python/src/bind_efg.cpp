#include <pybind11/numpy.h>

#include <cstddef>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "parallel_loop.hpp"
#include "structure_input.hpp"
#include "ufp/error.hpp"
#include "ufp/lattice_sum.hpp"
#include "ufp/quadrupole.hpp"

namespace py = pybind11;

namespace
{

using Indices = py::array_t<py::ssize_t, py::array::c_style | py::array::forcecast>;

ufp::Cell cell_at(const double *cell)
{
  ufp::Cell result{};
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t a = 0; a < 3; ++a) result[d][a] = cell[3 * d + a];
  return result;
}

// One frame, or several with an axis of frames in front.
py::array_t<double> point_charge_efg(const Doubles &cell, const Doubles &positions, const Doubles &charges,
                                     const Indices &centres, double alpha, double tolerance, int threads)
{
  const bool series = positions.ndim() == 3;
  const py::ssize_t count = series ? positions.shape(0) : 1;
  if ((!series && positions.ndim() != 2) || positions.shape(positions.ndim() - 1) != 3)
    throw ufp::DomainError("expected positions of shape (atoms, 3), found " + shape_of(positions));
  if (cell.ndim() != positions.ndim() || cell.shape(cell.ndim() - 1) != 3 || cell.shape(cell.ndim() - 2) != 3 ||
      cell.size() != 9 * count)
    throw ufp::DomainError("expected for each frame a cell of shape (3, 3), found " + shape_of(cell));
  const py::ssize_t atoms = positions.shape(positions.ndim() - 2);
  if (charges.ndim() != 2 || charges.shape(1) != atoms)
    throw ufp::DomainError("expected charges of shape (sets, " + std::to_string(atoms) + "), found " +
                           shape_of(charges));
  if (centres.ndim() != 1) throw ufp::DomainError("expected a list of centres, found shape " + shape_of(centres));
  std::vector<std::size_t> indices;
  for (py::ssize_t n = 0; n < centres.size(); ++n) {
    const py::ssize_t i = centres.at(n);
    if (i < 0 || i >= atoms)
      throw ufp::DomainError("expected centres from 0 to " + std::to_string(atoms - 1) + ", found " +
                             std::to_string(i));
    indices.push_back(static_cast<std::size_t>(i));
  }
  std::vector<py::ssize_t> shape{centres.size(), charges.shape(0), 6};
  if (series) shape.insert(shape.begin(), count);
  py::array_t<double> efg(shape);
  const double *box = cell.data(), *x = positions.data(), *q = charges.data();
  double *v = efg.mutable_data();
  const auto n_atoms = static_cast<std::size_t>(atoms), n_sets = static_cast<std::size_t>(charges.shape(0));
  const auto frames = static_cast<std::size_t>(count);
  const py::gil_scoped_release release;
  parallel_loop(frames, series ? team_size(threads) : 1, [&] {
    return [&, sum = ufp::LatticeSum()](std::size_t k) mutable {
      const ufp::Cell here = cell_at(box + 9 * k);
      const ufp::EwaldSplit split =
          alpha > 0 ? ufp::split_at(alpha, tolerance) : ufp::balanced_split(here, n_atoms, indices.size(), tolerance);
      sum.gradients(here, n_atoms, x + 3 * n_atoms * k, {n_sets, q}, indices.size(), indices.data(), split,
                    v + 6 * indices.size() * n_sets * k);
    };
  });
  return efg;
}

}  // namespace

void bind_efg(py::module_ &m)
{
  m.def(
      "point_charge_efg", &point_charge_efg, py::arg("cell"), py::arg("positions"), py::arg("charges"),
      py::arg("centres"), py::arg("alpha") = 0.0, py::arg("tolerance") = 1e-8, py::arg("threads") = 0,
      "Ewald sum of field gradients, e/Å³, shape (centres, sets, 6): xx yy zz xy xz yz; the trace is kept.\n\n"
      "cell (3, 3) Å, positions (atoms, 3) Å, charges (sets, atoms) e. alpha = 0 chooses the division of least work.\n"
      "Cells (frames, 3, 3) and positions (frames, atoms, 3) give (frames, centres, sets, 6), frames in parallel.");
  m.def(
      "quadrupolar_isotopes",
      [] {
        py::dict out;
        for (const ufp::Isotope &isotope : ufp::quadrupolar_isotopes())
          out[isotope.name.c_str()] = py::make_tuple(isotope.spin, isotope.moment, ufp::coupling_khz(isotope.moment));
        return out;
      },
      "Name to (spin, quadrupole moment in mb, eQ/h in kHz per V/Å²): the table that compute efg/atom uses.");
}
