#include "bindings.hpp"

#include "ufp/dump_reader.hpp"
#include "ufp/error.hpp"
#include "ufp/unwrap.hpp"

#include <algorithm>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

namespace py = pybind11;

namespace
{

using Ids = py::array_t<std::int64_t, py::array::c_style>;
using Columns = std::vector<std::string>;

void check(const ufp::DumpFile &file, std::size_t frame)
{
  if (frame >= file.index().frames.size()) throw py::index_error("no such frame");
}

// Reads a frame whose atoms must be those of `ids`.
void read_into(ufp::DumpFile &file, std::size_t frame, const Columns &columns, const std::int64_t *ids,
               std::size_t n_ids, double *values)
{
  const ufp::DumpFrame &entry = file.index().frames[frame];
  if (static_cast<std::size_t>(entry.count) == n_ids) {
    file.read(frame, columns, values);
    if (std::equal(ids, ids + n_ids, file.ids().begin())) return;
  }
  throw ufp::DomainError(file.path() + ": step " + std::to_string(entry.step) +
                         ": expected the atom ids of the first frame, found others");
}

py::array_t<double> read_frame(ufp::DumpFile &file, std::size_t frame, const Columns &columns, const Ids &ids)
{
  check(file, frame);
  py::array_t<double> values({ids.size(), static_cast<py::ssize_t>(columns.size())});
  read_into(file, frame, columns, ids.data(), static_cast<std::size_t>(ids.size()), values.mutable_data());
  return values;
}

py::array_t<double> read_frames(ufp::DumpFile &file, const Ids &frames, const Columns &columns, const Ids &ids)
{
  for (py::ssize_t k = 0; k < frames.size(); ++k) check(file, static_cast<std::size_t>(frames.data()[k]));
  py::array_t<double> values({frames.size(), ids.size(), static_cast<py::ssize_t>(columns.size())});
  double *const out = values.mutable_data();
  const std::int64_t *const wanted = frames.data(), *const atoms = ids.data();
  const auto n_frames = static_cast<std::size_t>(frames.size()), n_ids = static_cast<std::size_t>(ids.size());
  const py::gil_scoped_release release;
  for (std::size_t k = 0; k < n_frames; ++k) {
    read_into(file, static_cast<std::size_t>(wanted[k]), columns, atoms, n_ids, out + k * n_ids * columns.size());
  }
  return values;
}

Ids frame_ids(ufp::DumpFile &file, std::size_t frame)
{
  check(file, frame);
  std::vector<double> none;
  file.read(frame, {}, none.data());
  return Ids(static_cast<py::ssize_t>(file.ids().size()), file.ids().data());
}

py::tuple frame_box(ufp::DumpFile &file, std::size_t frame)
{
  check(file, frame);
  const ufp::DumpBox found = file.box(frame);
  py::array_t<double> cell({3, 3}), origin(3);
  std::copy(found.cell.begin(), found.cell.end(), cell.mutable_data());
  std::copy(found.origin.begin(), found.origin.end(), origin.mutable_data());
  py::array_t<bool> periodic(3);
  std::copy(found.periodic.begin(), found.periodic.end(), periodic.mutable_data());
  return py::make_tuple(cell, origin, periodic, found.general);
}

py::bytes frame_box_text(ufp::DumpFile &file, std::size_t frame)
{
  check(file, frame);
  return file.box_text(frame);
}

template <typename T> std::vector<T> listed(const py::array_t<T, py::array::c_style> &array)
{
  return {array.data(), array.data() + array.size()};
}

template <typename T> py::array_t<T> arrayed(const std::vector<T> &list)
{
  return py::array_t<T>(static_cast<py::ssize_t>(list.size()), list.data());
}

using Frames = py::array_t<ufp::DumpFrame, py::array::c_style>;
using Damage = py::array_t<ufp::DumpDamage, py::array::c_style>;

ufp::DumpFile restored(std::string path, const Frames &frames, const Damage &damage, const Columns &box_styles,
                       const std::vector<Columns> &column_lists, const Columns &units, std::uint64_t scanned, bool cut)
{
  return {std::move(path),
          ufp::DumpIndex{listed(frames), listed(damage), box_styles, column_lists, units, scanned, cut}};
}

}  // namespace

void bind_trajectory(py::module_ &m)
{
  PYBIND11_NUMPY_DTYPE(ufp::DumpFrame, offset, size, box, atoms, step, time, count, box_style, columns);
  PYBIND11_NUMPY_DTYPE(ufp::DumpDamage, offset, step);

  py::class_<ufp::DumpFile>(m, "DumpFile",
                            "Complete frames of a LAMMPS text dump; see core/include/ufp/dump_reader.hpp.")
      .def(py::init<std::string>(), py::arg("path"), py::call_guard<py::gil_scoped_release>())
      .def(py::init(&restored), py::arg("path"), py::kw_only(), py::arg("frames"), py::arg("damage"),
           py::arg("box_styles"), py::arg("column_lists"), py::arg("units"), py::arg("scanned"), py::arg("cut"),
           "With the index of an earlier scan.")
      .def("refresh", &ufp::DumpFile::refresh, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("frames", [](const ufp::DumpFile &file) { return arrayed(file.index().frames); })
      .def_property_readonly("damage", [](const ufp::DumpFile &file) { return arrayed(file.index().damage); })
      .def_property_readonly("box_styles", [](const ufp::DumpFile &file) { return file.index().box_styles; })
      .def_property_readonly("column_lists", [](const ufp::DumpFile &file) { return file.index().column_lists; })
      .def_property_readonly("units", [](const ufp::DumpFile &file) { return file.index().units; })
      .def_property_readonly("scanned", [](const ufp::DumpFile &file) { return file.index().scanned; })
      .def_property_readonly("cut", [](const ufp::DumpFile &file) { return file.index().cut; })
      .def("box", &frame_box, py::arg("frame"))
      .def("box_text", &frame_box_text, py::arg("frame"))
      .def("ids", &frame_ids, py::arg("frame"))
      .def("read", &read_frame, py::arg("frame"), py::arg("columns"), py::arg("ids"))
      .def("read_frames", &read_frames, py::arg("frames"), py::arg("columns"), py::arg("ids"))
      .def("read_text", &ufp::DumpFile::read_text, py::arg("frame"), py::arg("column"));

  m.def(
      "nearest_images",
      [](const py::array_t<double, py::array::c_style> &before, const py::array_t<double, py::array::c_style> &after,
         const py::array_t<double, py::array::c_style> &cell, const std::array<bool, 3> &periodic) {
        if (before.ndim() != 2 || before.shape(1) != 3 || before.size() != after.size() || cell.size() != 9) {
          throw ufp::DomainError("nearest_images: expected positions (N, 3) twice and a cell (3, 3)");
        }
        py::array_t<std::int64_t> change({before.shape(0), py::ssize_t{3}});
        const ufp::LongestMove move =
            ufp::nearest_images(before.data(), after.data(), static_cast<std::size_t>(before.shape(0)), cell.data(),
                                periodic, change.mutable_data());
        return py::make_tuple(change, move.changed, move.atom, move.length);
      },
      py::arg("before"), py::arg("after"), py::arg("cell"), py::arg("periodic"),
      "Whole cells (N, 3) from fractional coordinates to the images nearest to those before; whether there are any; "
      "which atom moves furthest and how far.");
}
