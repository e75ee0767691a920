#include "store/wal_tail.h"

#include <filesystem>
#include <fstream>

#include "store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::store {
namespace {

constexpr int kRecords = 4;

// Written by RocksDB itself, so that this format is the library's and not our idea of it.
class WalTailTest : public ::testing::Test {
 protected:
  // `kRecords` records of `value_bytes`, and where each begins.
  std::string WriteLog(size_t value_bytes, std::vector<uint64_t>* starts) const {
    StoreOptions options;
    options.directory = directory_.path() + "/db" + std::to_string(value_bytes);
    options.files = base::PosixFileSystem();
    options.families = {"rows"};
    auto store = Store::Open(options);
    EXPECT_THAT(store, testing::IsOk());
    const auto log = [&options] {
      std::filesystem::path newest;
      for (const auto& entry : std::filesystem::directory_iterator(options.directory)) {
        if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
      }
      std::ifstream in(newest, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(in), {});
    };
    for (int number = 0; number < kRecords; ++number) {
      starts->push_back(log().size());
      rocksdb::WriteBatch batch;
      const std::string value(value_bytes, static_cast<char>('a' + number));
      EXPECT_TRUE(batch.Put((*store)->family(0), std::to_string(number), value).ok());
      EXPECT_THAT((*store)->Write(&batch, Sync::kYes), testing::IsOk());
    }
    return log();
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(WalTailTest, AWholeLogHasNoTornTail) {
  for (const size_t bytes : {10, 5000, 40000}) {
    std::vector<uint64_t> starts;
    EXPECT_EQ(FindTornTail(WriteLog(bytes, &starts)), std::nullopt) << bytes;
  }
  EXPECT_EQ(FindTornTail(""), std::nullopt);
}

TEST_F(WalTailTest, ACutLogEndsWhereTheCutRecordBegins) {
  std::vector<uint64_t> starts;
  const std::string log = WriteLog(100, &starts);
  for (size_t cut = starts.back() + 1; cut < log.size(); ++cut) {
    EXPECT_EQ(FindTornTail(log.substr(0, cut)), starts.back()) << cut;
  }
  EXPECT_EQ(FindTornTail(log.substr(0, starts.back())), std::nullopt);
}

TEST_F(WalTailTest, DamageIsTornInTheLastRecordOnly) {
  // 40,000 bytes: every record spans two or three blocks.
  for (const size_t bytes : {100, 40000}) {
    std::vector<uint64_t> starts;
    const std::string log = WriteLog(bytes, &starts);
    for (size_t at = 0; at < log.size(); at += bytes / 25) {
      std::string damaged = log;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x11);
      const std::optional<uint64_t> torn = FindTornTail(damaged);
      if (at < starts.back()) {
        EXPECT_EQ(torn, std::nullopt) << "byte " << at << " of " << bytes;
      } else {
        EXPECT_EQ(torn, starts.back()) << "byte " << at << " of " << bytes;
      }
    }
  }
}

TEST_F(WalTailTest, ZeroedSectorsInTheLastRecordAreTorn) {
  std::vector<uint64_t> starts;
  const std::string log = WriteLog(5000, &starts);
  for (size_t at = starts.back(); at + 512 <= log.size(); at += 512) {
    EXPECT_EQ(FindTornTail(std::string(log).replace(at, 512, 512, '\0')), starts.back()) << at;
  }
}

}  // namespace
}  // namespace fulcrum::store
