/** Where users are found. */
import { sql } from 'keelson/schema';
import { repository } from 'keelson/work';
import { User } from './entity.ts';

export class UserRepository extends repository(User) {
  /** The user with an e-mail in any case and any Unicode form, by the index that keeps it unique; or null. */
  async findByEmail(email: string): Promise<User | null> {
    const [user] = await this.select(sql`where lower(normalize(email, nfkc)) = lower(normalize(${email}, nfkc))`);
    return user ?? null;
  }
}
