package bench;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/** The last fact of each key. */
final class Facts {
    private final Map<String, String> last = new TreeMap<>();

    void interaction(String key, String value) {
        last.put(key, value);
    }

    void summary(String key, String value) {
        last.put(key + "/", value);
    }

    int count() {
        return last.size();
    }

    /** Of all keys and values, in the order of the keys. */
    String digest() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            last.forEach((key, value) -> digest.update((key + "\n" + value + "\n").getBytes(StandardCharsets.UTF_8)));
            return HexFormat.of().formatHex(Arrays.copyOf(digest.digest(), 8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
