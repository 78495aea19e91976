#include "bindings.hpp"

#include "ufp/dump_reader.hpp"
#include "ufp/error.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

namespace py = pybind11;

namespace
{

template <typename T, typename Get> py::array_t<T> per_frame(const ufp::DumpFile &file, Get get)
{
  py::array_t<T> result(static_cast<py::ssize_t>(file.frames().size()));
  T *out = result.mutable_data();
  for (const ufp::DumpFrame &frame : file.frames()) *out++ = static_cast<T>(get(frame));
  return result;
}

py::tuple read_frame(ufp::DumpFile &file, std::size_t frame, const std::vector<std::string> &columns)
{
  if (frame >= file.frames().size()) throw py::index_error("no such frame");
  const auto count = static_cast<py::ssize_t>(file.frames()[frame].count);
  py::array_t<std::int64_t> ids(count);
  py::array_t<double> values({count, static_cast<py::ssize_t>(columns.size())});
  file.read(frame, columns, ids.mutable_data(), values.mutable_data());
  return py::make_tuple(ids, values);
}

py::tuple frame_box(ufp::DumpFile &file, std::size_t frame)
{
  if (frame >= file.frames().size()) throw py::index_error("no such frame");
  const ufp::DumpBox found = file.box(frame);
  py::array_t<double> cell({3, 3}), origin(3);
  std::copy(found.cell.begin(), found.cell.end(), cell.mutable_data());
  std::copy(found.origin.begin(), found.origin.end(), origin.mutable_data());
  py::array_t<bool> periodic(3);
  std::copy(found.periodic.begin(), found.periodic.end(), periodic.mutable_data());
  return py::make_tuple(cell, origin, periodic, found.general);
}

}  // namespace

void bind_trajectory(py::module_ &m)
{
  py::class_<ufp::DumpFile>(m, "DumpFile",
                            "Complete frames of a LAMMPS text dump; see core/include/ufp/dump_reader.hpp.")
      .def(py::init<std::string>(), py::arg("path"))
      .def_property_readonly("steps",
                             [](const ufp::DumpFile &file) {
                               return per_frame<std::int64_t>(file, [](const auto &frame) { return frame.step; });
                             })
      .def_property_readonly("times",
                             [](const ufp::DumpFile &file) {
                               return per_frame<double>(file, [](const auto &frame) { return frame.time; });
                             })
      .def_property_readonly("counts",
                             [](const ufp::DumpFile &file) {
                               return per_frame<std::int64_t>(file, [](const auto &frame) { return frame.count; });
                             })
      .def_property_readonly("column_list_of_frame",
                             [](const ufp::DumpFile &file) {
                               return per_frame<std::int64_t>(file, [](const auto &frame) { return frame.columns; });
                             })
      .def_property_readonly("damage",
                             [](const ufp::DumpFile &file) {
                               std::vector<std::pair<std::int64_t, std::uint64_t>> found;
                               for (const auto &part : file.damage()) found.emplace_back(part.step, part.offset);
                               return found;
                             })
      .def_property_readonly("column_lists", &ufp::DumpFile::column_lists)
      .def_property_readonly("units", &ufp::DumpFile::units)
      .def("box", &frame_box, py::arg("frame"))
      .def("read", &read_frame, py::arg("frame"), py::arg("columns"))
      .def("read_text", &ufp::DumpFile::read_text, py::arg("frame"), py::arg("column"));
}
