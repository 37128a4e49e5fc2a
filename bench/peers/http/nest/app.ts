/** NestJS (on Fastify, its faster adapter) and TypeORM, with class-validator, as their guides have it. Compiled by `tsc`: decorators do not run as written. */
import 'reflect-metadata';
import { Body, Controller, Get, Module, NotFoundException, Param, ParseUUIDPipe, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { IsEmail, IsString, Length, MaxLength } from 'class-validator';
import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn, Repository, UpdateDateColumn } from 'typeorm';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('varchar', { length: 255 })
  email!: string;

  @Column('text')
  full_name!: string;

  @Column('boolean', { default: true })
  is_active!: boolean;

  @CreateDateColumn({ type: 'timestamptz' })
  created_at!: Date;

  @UpdateDateColumn({ type: 'timestamptz' })
  updated_at!: Date;
}

export class UserCreate {
  @IsEmail()
  @MaxLength(255)
  email!: string;

  @IsString()
  @Length(1, 255)
  full_name!: string;
}

@Controller()
export class UsersController {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  @Get('health')
  health(): object {
    return { status: 'ok' };
  }

  @Get('api/v1/users/:id')
  async get(@Param('id', ParseUUIDPipe) id: string): Promise<User> {
    const user = await this.users.findOneBy({ id });
    if (user === null) throw new NotFoundException();
    return user;
  }

  @Post('api/v1/users')
  add(@Body() body: UserCreate): Promise<User> {
    return this.users.save(this.users.create(body));
  }
}

/** Starts the application on 127.0.0.1 and tells its port. */
export async function start(url: string, poolSize: number): Promise<number> {
  @Module({
    imports: [TypeOrmModule.forRoot({ type: 'postgres', url, entities: [User], poolSize, logging: false }), TypeOrmModule.forFeature([User])],
    controllers: [UsersController],
  })
  class AppModule {}
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
  await app.listen(0, '127.0.0.1');
  return Number(new URL(await app.getUrl()).port);
}
