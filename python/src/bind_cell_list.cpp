#include "bindings.hpp"

#include "ufp/cell_list.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>

namespace py = pybind11;

namespace
{

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;

py::tuple neighbor_list(const Array &positions, const Array &cell, const std::array<bool, 3> &periodic, double cutoff)
{
  if (positions.ndim() != 2 || positions.shape(1) != 3 || cell.size() != 9)
    throw py::value_error("expected positions (N, 3) and cell (3, 3)");
  std::array<double, 9> rows{};
  std::copy(cell.data(), cell.data() + 9, rows.begin());
  const auto n = static_cast<std::size_t>(positions.shape(0));
  const ufp::CellList list(positions.data(), n, rows, periodic, cutoff);
  std::vector<std::int64_t> first, second;
  std::vector<int> shift;
  std::vector<double> displacement, distance;
  std::vector<ufp::Neighbor> found;
  for (std::size_t i = 0; i < n; ++i) {
    list.neighbors(i, found);
    for (const auto &neighbor : found) {
      first.push_back(static_cast<std::int64_t>(i));
      second.push_back(neighbor.index);
      shift.insert(shift.end(), neighbor.shift.begin(), neighbor.shift.end());
      displacement.insert(displacement.end(), neighbor.displacement.begin(), neighbor.displacement.end());
      distance.push_back(neighbor.distance);
    }
  }
  const auto pairs = static_cast<py::ssize_t>(first.size());
  return py::make_tuple(py::array_t<std::int64_t>(pairs, first.data()), py::array_t<std::int64_t>(pairs, second.data()),
                        py::array_t<int>({pairs, py::ssize_t{3}}, shift.data()),
                        py::array_t<double>({pairs, py::ssize_t{3}}, displacement.data()),
                        py::array_t<double>(pairs, distance.data()));
}

}  // namespace

void bind_cell_list(py::module_ &m)
{
  m.def("neighbor_list", &neighbor_list, py::arg("positions"), py::arg("cell"), py::arg("periodic"), py::arg("cutoff"),
        "Full neighbour list: i (M,), j (M,), shift (M, 3), displacement (M, 3) A, distance (M,) A.");
}
