#include "potential_source.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <sstream>

#include "comm.h"
#include "lammps.h"
#include "lmptype.h"
#include "utils.h"

using namespace LAMMPS_NS;

Fingerprint Fingerprint::of(const std::string &text)
{
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return {text.size(), hash};
}

std::vector<std::string> PotentialSource::elements() const
{
  std::vector<std::string> out;
  for (const std::string &element : types)
    if (element != "NULL" && std::find(out.begin(), out.end(), element) == out.end()) out.push_back(element);
  return out;
}

std::vector<int> PotentialSource::species() const
{
  const std::vector<std::string> names = elements();
  std::vector<int> out = {-1};
  for (const std::string &element : types) {
    const auto found = std::find(names.begin(), names.end(), element);
    out.push_back(found == names.end() ? -1 : static_cast<int>(found - names.begin()));
  }
  return out;
}

std::string PotentialSource::record() const
{
  if (file.empty()) return "";
  std::ostringstream out;
  out << file << '\n' << fingerprint.bytes << ' ' << fingerprint.checksum;
  for (const std::string &element : types) out << ' ' << element;
  return out.str();
}

PotentialSource PotentialSource::from_record(const std::string &record)
{
  PotentialSource out;
  std::istringstream in(record);
  std::getline(in, out.file);
  in >> out.fingerprint.bytes >> out.fingerprint.checksum;
  out.types.assign(std::istream_iterator<std::string>(in), {});
  return out;
}

// Not utils::open_potential(): its unit check stops one rank only, and the parser's own names the line.
std::string LAMMPS_NS::read_on_all_ranks(LAMMPS *lmp, const std::string &file, const std::string &expected,
                                         std::string &text)
{
  text.clear();
  bigint length = -1;
  if (lmp->comm->me == 0) {
    const std::string path = utils::get_potential_file_path(file);
    FILE *stream = path.empty() ? nullptr : fopen(path.c_str(), "rb");
    if (stream) {
      char chunk[65536];
      for (std::size_t n = 0; (n = fread(chunk, 1, sizeof chunk, stream)) > 0;) text.append(chunk, n);
      fclose(stream);
      length = static_cast<bigint>(text.size());
    }
  }
  MPI_Bcast(&length, 1, MPI_LMP_BIGINT, 0, lmp->world);
  if (length < 0) return "cannot open " + file + ": expected " + expected + " here or in LAMMPS_POTENTIALS";
  if (length > MAXSMALLINT) return file + " has " + std::to_string(length) + " bytes, at most 2 GB can be read";
  text.resize(static_cast<std::size_t>(length));
  MPI_Bcast(&text[0], static_cast<int>(length), MPI_CHAR, 0, lmp->world);
  return "";
}
