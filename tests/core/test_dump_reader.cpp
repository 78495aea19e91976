#include "check.hpp"

#include "ufp/dump_reader.hpp"
#include "ufp/error.hpp"
#include "ufp/parse_number.hpp"

#include <cstring>
#include <fstream>

namespace
{

double parsed(const char *text)
{
  double value = 0;
  CHECK(ufp::parse_number(text, text + std::strlen(text), value) == text + std::strlen(text));
  return value;
}

std::string frame(long step)
{
  return "ITEM: TIMESTEP\n" + std::to_string(step) +
         "\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS xy xz yz pp pp ff\n-1 5 1\n0 4 -1\n0 3 0.5\n"
         "ITEM: ATOMS id element x y z\n7 S 1 2 3\n4 Li 4 5 " +
         std::to_string(step) + "\n";
}

}  // namespace

int main()
{
  CHECK(parsed("-1.25") == -1.25);
  CHECK(parsed("9007199254740993") == 9007199254740992.0);
  CHECK(parsed("1.7976931348623157e308") == 1.7976931348623157e308);
  double value = 0;
  for (const char *text : {"", "-", ".", "x"}) {
    CHECK(ufp::parse_number(text, text + std::strlen(text), value) == nullptr);
  }

  const std::string path = "test_dump_reader.dump";
  const std::string cut = frame(20);
  std::ofstream(path) << frame(0) + frame(10) + cut.substr(0, cut.size() - 3) + frame(30);
  ufp::DumpFile file(path);
  CHECK(file.index().frames.size() == 3);
  CHECK(file.index().damage.size() == 1 && file.index().damage[0].step == 20);
  CHECK(file.index().damage[0].offset == frame(0).size() + frame(10).size());

  double z[2];
  for (const std::size_t k : {2, 0, 1}) {
    file.read(k, {"z"}, z);
    const std::vector<std::int64_t> &ids = file.ids();
    CHECK(ids[0] == 4 && ids[1] == 7);
    CHECK(z[0] == static_cast<double>(file.index().frames[k].step) && z[1] == 3.0);
  }
  CHECK(file.read_text(0, "element")[0] == "Li");

  // bounds -1 5, tilts xy 1, xz -1, yz 0.5: x from 0 to 4, y from 0 to 3.5
  const ufp::DumpBox box = file.box(1);
  CHECK_CLOSE(box.origin[0], 0.0, 0.0);
  CHECK_CLOSE(box.cell[0], 4.0, 0.0);
  CHECK_CLOSE(box.cell[4], 3.5, 0.0);
  CHECK(box.periodic[0] && !box.periodic[2] && !box.general);

  bool refused = false;
  try {
    file.read(0, {"vx"}, z);
  } catch (const ufp::DomainError &) {
    refused = true;
  }
  CHECK(refused);
  std::remove(path.c_str());
}
